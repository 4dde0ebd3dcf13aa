"""Source code of the running Python's standard library, read without importing it.

Files that are not handwritten or not exemplary are left out: tests, tables of the
codecs, IDLE, the texts of `help()`, and files that consist mostly of tables. Of several
equal files one is kept. The parts are split by file.

The text depends on Python's version, so results can only be compared for one version.
"""

import hashlib
import os
import platform
import re
import sysconfig
from pathlib import Path

from data import parts as splitting

ROOT = Path(sysconfig.get_path("stdlib"))
LEFT_OUT = frozenset(
    {"test", "tests", "idle_test"}
    | {"encodings", "idlelib", "pydoc_data"}
    | {"site-packages", "dist-packages", "__pycache__"}
)
TEST = re.compile(r"(test_.*|.*_test|conftest)\.py")
LITERAL = re.compile(r"""#.*|'[^'\n]*'|"[^"\n]*"|\b\d\w*""")


def write(folder: Path) -> None:
    """Writes `train.txt`, `validation.txt` and `test.txt`, each made of whole files."""
    sources = {name: text for name, text in read(ROOT).items() if not is_table(text)}
    parts = splitting.split_by_name({name: len(text) for name, text in sources.items()})
    for part, names in parts.items():
        text = "".join(sources[name] for name in names)
        (folder / f"{part}.txt").write_text(text, encoding="utf-8", newline="\n")


def version() -> str:
    """Python's version, and a hash of everything that the files are made from."""
    digest = hashlib.sha256()
    for code in (__file__, splitting.__file__):
        digest.update(Path(code).read_bytes())
    for name, text in read(ROOT).items():
        digest.update(f"{name}\0{text}\0".encode())
    return f"{platform.python_version()}-{digest.hexdigest()[:12]}"


def read(root: Path, left_out: frozenset[str] = LEFT_OUT) -> dict[str, str]:
    """Returns the text of each Python file in `root`, by path.

    Leaves out tests, the folders `left_out`, links to folders, and files that are not
    UTF-8. Of equal texts only the first path is kept.
    """
    paths = []
    for inner, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in left_out]
        names = [name for name in names if name.endswith(".py")]
        paths += [Path(inner, name) for name in names if not TEST.fullmatch(name)]
    text_of: dict[str, str] = {}
    seen = set()
    for name, path in sorted(
        (path.relative_to(root).as_posix(), path) for path in paths
    ):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            continue
        if text.strip() and text not in seen:
            seen.add(text)
            text_of[name] = text.rstrip("\n") + "\n"
    return text_of


def is_table(text: str) -> bool:
    """Whether more than half of the code is in lines that contain only literals."""
    code = table = 0
    for line in text.splitlines():
        line = line.strip()
        if line and line[0] != "#":
            rest = LITERAL.sub("", line)
            code += len(line)
            if rest != line and not re.search(r"[^\W\d]", rest):
                table += len(line)
    return table > code / 2

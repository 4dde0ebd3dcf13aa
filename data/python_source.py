"""The source of the standard library of the Python that runs: read, never imported.

Left out is what is not written by hand or not meant as an example: tests, the codecs'
tables, IDLE, the texts of `help()`, and files that are mostly table. Of files with the
same content there is one. The parts are split by file.

What comes out depends on Python's version: figures on it hold for one version.
"""

import hashlib
import os
import platform
import re
import sysconfig
from pathlib import Path

from data import texts

ROOT = Path(sysconfig.get_path("stdlib"))
LEFT_OUT = frozenset(
    {"test", "tests", "idle_test"}
    | {"encodings", "idlelib", "pydoc_data"}
    | {"site-packages", "dist-packages", "__pycache__"}
)
TEST = re.compile(r"(test_.*|.*_test|conftest)\.py")
LITERAL = re.compile(r"""#.*|'[^'\n]*'|"[^"\n]*"|\b\d\w*""")


def write(folder: Path) -> None:
    """`train.txt`, `validation.txt` and `test.txt`: whole files, one after another."""
    sources = {name: text for name, text in read(ROOT).items() if not is_table(text)}
    parts = texts.split_by_name({name: len(text) for name, text in sources.items()})
    for part, names in parts.items():
        text = "".join(sources[name] for name in names)
        (folder / f"{part}.txt").write_text(text, encoding="utf-8", newline="\n")


def version() -> str:
    """Python's version, and a hash over all that the files are made from."""
    digest = hashlib.sha256()
    for code in (__file__, texts.__file__):
        digest.update(Path(code).read_bytes())
    for name, text in read(ROOT).items():
        digest.update(f"{name}\0{text}\0".encode())
    return f"{platform.python_version()}-{digest.hexdigest()[:12]}"


def read(root: Path, left_out: frozenset[str] = LEFT_OUT) -> dict[str, str]:
    """Text by path of the Python files in `root`, without tests and certain folders.

    Of equal texts the first path alone. What is not UTF-8 is left out, and so are links
    to folders.
    """
    paths = []
    for inner, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in left_out]
        names = [name for name in names if name.endswith(".py")]
        paths += [Path(inner, name) for name in names if not TEST.fullmatch(name)]
    found: dict[str, str] = {}
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
            found[name] = text.rstrip("\n") + "\n"
    return found


def is_table(text: str) -> bool:
    """Whether more than half of the code stands in lines with nothing but literals."""
    code = table = 0
    for line in text.splitlines():
        line = line.strip()
        if line and line[0] != "#":
            rest = LITERAL.sub("", line)
            code += len(line)
            if rest != line and not re.search(r"[^\W\d]", rest):
                table += len(line)
    return table > code / 2

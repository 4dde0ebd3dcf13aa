"""English prose from the documentation in Python and some packages, made offline.

The text consists of sentences from the topics of `help()` and from the docstrings of
the standard library, NumPy, Keras and matplotlib, read with `ast`; nothing is imported.
Code, tables, headings, signatures and everything else that is not a sentence are left
out, and markup is removed. Such texts repeat each other, so a sentence is left out if
more than half of its sequences of `SPAN` words occur in earlier sentences. The parts
are split by module.

The text depends on the installed versions, so results can only be compared for one set
of versions. It is made from installed packages and must not be redistributed.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from data import parts as splitting
from data import python_source
from data.errors import UserError

PACKAGES = ("numpy", "keras", "matplotlib")
TOPICS = "pydoc_data/topics.py"
SPAN = 8  # consecutive words
LEFT_OUT = python_source.LEFT_OUT - {"pydoc_data"}

BREAK = re.compile(r"""\.\.(\s|$)|:\w|@\w|[$%|]|([-=~^*+#'"])\2{2,}$""")  # not prose
ITEM = re.compile(  # a bullet or number, or the name before an argument's description
    r"\s*(?:(?:[-*+•]|\(?\w{1,2}[.)])\s+|[`*]*\w+[`*]*(?: \([^)]*\))?: +(?=[A-Z]))"
)
MARKUP = (  # reST and Markdown: the text inside is kept
    (re.compile(r"(?::[\w:.+-]+:)?`{1,2}([^`<]*?)\s*(?:<[^>`]*>)?`{1,2}_{0,2}"), r"\1"),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\s*\[(?:\w|[#*])*\]_"), ""),
    (re.compile(r"(?<![\w*])\*{1,2}(\w[^*]*?)\*{1,2}(?![\w*])"), r"\1"),
    (re.compile(r"\|(\w+)\|"), r"\1"),
    (re.compile(r"(?<![\w.])(?:[~!][\w.]*)?\.(?=[A-Za-z])|[~!](?=[A-Za-z])"), ""),
    (re.compile(r"(?<=\w)\(\)"), ""),
    (re.compile(r"\s+(?:--+\s+)?"), lambda match: " - " if "--" in match[0] else " "),
    (re.compile(r"[“”]"), '"'),
    (re.compile(r"[‘’]"), "'"),
)
END = re.compile(r"""(?<=[.!?])["')]*\s+(?=["'(]?[A-Z])""")
ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|cf|resp|[Ff]igs?|[Ee]qs?|pp?|[A-Z])\.$"
)
SENTENCE = re.compile(r"""["'(]?[A-Z][\w ,;:'"()%/.!?–-]*[.!?]["')]?""", re.ASCII)
CODE = re.compile(
    r"""_ | :: | "" | '' | \(\)       # names, remains of removed markup
    | \w\( | [A-Za-z]\d              # calls, numbered names
    | \w[.:]\w*[A-Za-z_(]           # dotted names
    | (?<![\w.])\.\w | (?<!\w)-\w   # endings, options
    | /[^A-Za-z] | [^A-Za-z]/ | /\w*/
    | [.!?:]["')]?[ ][a-z]\w*:      # an argument and its description
    """,
    re.VERBOSE,
)
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?|\d+")


def write(folder: Path) -> None:
    """Writes `train.txt` ..., one sentence per line, and `about.json` into `folder`."""
    modules = {name: "".join(f"{s}\n" for s in kept) for name, kept in read().items()}
    split = splitting.split_by_name({name: len(text) for name, text in modules.items()})
    parts = {
        part: "".join(modules[name] for name in names) for part, names in split.items()
    }
    for part, text in parts.items():
        (folder / f"{part}.txt").write_text(text, encoding="utf-8", newline="\n")
    about = {
        "versions": _versions(),
        "words": {part: len(words_of(text)) for part, text in parts.items()},
        "overlap": overlap(parts["train"], parts["test"]),
        "modules": split,
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def version() -> str:
    """Python's version, and a hash of the code and of all versions."""
    digest = hashlib.sha256(json.dumps([sys.version, _versions()]).encode())
    for code in (__file__, python_source.__file__, splitting.__file__):
        digest.update(Path(code).read_bytes())
    return f"{platform.python_version()}-{digest.hexdigest()[:12]}"


def overlap(train: str, test: str, span: int = SPAN) -> float:
    """Share of the sequences of `span` words in `test` that also occur in `train`."""
    seen = set(_runs(words_of(train), span))
    runs = list(_runs(words_of(test), span))
    return sum(run in seen for run in runs) / max(len(runs), 1)


def words_of(text: str) -> list[str]:
    return WORD.findall(text.lower())


def read() -> dict[str, list[str]]:
    """Returns the sentences of each module, without repetitions."""
    seen: set[tuple[str, ...]] = set()
    modules = {}
    for name, docstrings in _modules():
        kept = modules[name] = []
        for sentence in (s for text in docstrings for s in sentences(text)):
            words = words_of(sentence)
            runs = [*_runs(words, SPAN)] or [tuple(words)]
            if sum(run in seen for run in runs) <= len(runs) / 2:
                kept.append(sentence)
                seen.update(runs)
    return {name: kept for name, kept in modules.items() if kept}


def sentences(docstring: str) -> Iterator[str]:
    """Yields the English sentences of a docstring, without markup."""
    for paragraph in _paragraphs(inspect.cleandoc(docstring)):
        for pattern, text in MARKUP:
            paragraph = pattern.sub(text, paragraph)
        begun = ""
        for piece in END.split(paragraph):
            begun = f"{begun} {piece}".strip()
            if not ABBREVIATION.search(begun):
                if _is_prose(begun):
                    yield begun
                begun = ""


def _is_prose(text: str) -> bool:
    words = text.split()
    plain = sum(word.strip(".,;:!?()'\"").isalpha() for word in words)
    return (
        4 <= len(words) <= 80
        and SENTENCE.fullmatch(text) is not None
        and CODE.search(text.replace("e.g.", "eg").replace("i.e.", "ie")) is None
        and plain > 0.8 * len(words)
        and text.count("(") == text.count(")")
        and text.count('"') % 2 == 0
    )


def _paragraphs(text: str) -> Iterator[str]:
    """Yields runs of lines with the same indentation, without code examples."""
    lines, indent = [], 0
    session = fence = False  # inside an example that begins with >>> or ```
    code = None  # indentation of a line that ends with ::
    for line in [*text.expandtabs().splitlines(), ""]:
        bare, depth = line.strip(), len(line) - len(line.lstrip())
        session = bool(bare) and (session or bare.startswith(">>>"))
        fence ^= bare.startswith("```")
        if bare and code is not None and depth <= code:
            code = None
        prose = bare and not (session or fence or code is not None or BREAK.match(bare))
        item = ITEM.match(line)
        if lines and (not prose or item or depth != indent):
            yield " ".join(lines)
            lines = []
        if prose:
            indent = item.end() if item else depth
            lines.append(line[indent:].strip().removesuffix("::"))
        if bare.endswith("::") and not bare.startswith(".."):
            code = depth


def _modules() -> Iterator[tuple[str, list[str]]]:
    """Yields the name and the docstrings of each module."""
    roots = {"": python_source.ROOT}
    for package in PACKAGES:
        roots[f"{package}/"] = _installed(package)[1]
    for prefix, root in roots.items():
        for name, source in python_source.read(root, LEFT_OUT).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about invalid escapes in strings
                try:
                    tree = ast.parse(source)
                except SyntaxError:  # a template, or code for another version
                    continue
            if prefix + name == TOPICS:
                for topic, text in ast.literal_eval(tree.body[-1].value).items():
                    yield f"{TOPICS}/{topic}", [text]
            else:
                yield prefix + name, docstrings_in(tree)


def docstrings_in(tree: ast.Module) -> list[str]:
    """Docstrings of a module, its classes and functions, and those that NumPy's
    `add_newdoc` adds to compiled functions."""
    docstrings = []
    for node in ast.walk(tree):
        if isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            docstrings.append(ast.get_docstring(node, clean=False) or "")
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "add_newdoc"
        ):
            strings = (inner for arg in node.args for inner in ast.walk(arg))
            docstrings += [s.value for s in strings if isinstance(s, ast.Constant)]
    return [text for text in docstrings if isinstance(text, str) and " " in text]


def _runs(words, span: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + span]) for at in range(len(words) - span + 1))


def _versions() -> dict[str, str]:
    versions = {package: _installed(package)[0] for package in PACKAGES}
    return {"python": platform.python_version()} | versions


def _installed(package: str) -> tuple[str, Path]:
    """Returns the version and the folder of a package without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise UserError(f"pydocs: expected {package} to be installed, found none")
    folder = Path(spec.submodule_search_locations[0])
    return importlib.metadata.version(package), folder

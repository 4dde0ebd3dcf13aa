"""``make copy RECIPE=name TO=app/name``: a recipe as a Python package of its own.

The package contains all files that the recipe imports, directly or indirectly. Imports
between them become relative; nothing else is changed. A sample of the default data is
included, so that ``python -m app.name --smoke`` runs without this project.
"""

import ast
import builtins
import csv
import difflib
import importlib.metadata
import io
import itertools
import keyword
import os
import re
import shutil
import sys
import tempfile
import textwrap
import tomllib
from collections import Counter
from pathlib import Path

from data.catalog import CATALOG, locate
from data.errors import UserError, one_line_errors
from data.parts import PARTS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"custom_layers", "data", "kit", "tasks", "tokens"}
LEFT_OUT = {"data.catalog", "kit.report"}  # imports that recipes can run without
OPTIONAL = {"jax", "pyarrow"}  # needed with KERAS_BACKEND=jax, or for Parquet
SAMPLE_ROWS = 200  # of each CSV or TSV file; sentences of each CoNLL file
SAMPLE_TEXT = "custom_layers/*.py"  # the sample for recipes that read texts


def copy_recipe(recipe: str, to: Path, root: Path = ROOT) -> tuple[dict, list[str]]:
    """Writes the package `to`; returns its files by name, and packages to install."""
    names = sorted(path.stem for path in (root / "recipes").glob("[!_]*.py"))
    if recipe not in names:
        near = difflib.get_close_matches(recipe, names, 1) or names
        raise UserError(f"no recipe {recipe!r}: did you mean {' or '.join(near)}?")
    if not to.name.isidentifier() or keyword.iskeyword(to.name):
        raise UserError(f"TO={to}: expected the path of a package, as in app/{recipe}")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    origin = f"# {project['name']} {project['version']}, {project['license']} licence: "
    files, imported, modules = {}, set(), [f"recipes.{recipe}"]
    for module in modules:  # grows during the loop
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        path = path if path.exists() else path.with_suffix("") / "__init__.py"
        where = path.relative_to(root).as_posix()
        name = where.removeprefix("recipes/")
        text, uses = _relative(path.read_bytes(), where, name.count("/"), root)
        files[name] = f"{origin}{where}\n".encode() + text
        imported |= {name.partition(".")[0] for name in uses}
        uses = [m for m in uses - LEFT_OUT if m.partition(".")[0] in PACKAGES]
        modules += [m for m in sorted(uses) if m not in modules]
    for folder in {name.partition("/")[0] for name in files if "/" in name}:
        files.setdefault(f"{folder}/__init__.py", f"{origin}{folder}\n".encode())
    files |= _entrances(recipe, files[f"{recipe}.py"].decode(), origin, root)
    files |= _sample(files[f"{recipe}.py"].decode())
    files["LICENSE"] = (root / "LICENSE").read_bytes()
    _write(files, to)
    imported -= {*sys.stdlib_module_names, *PACKAGES, *OPTIONAL}
    extras = project.get("optional-dependencies", {}).values()
    listed = [*project["dependencies"], *(line for extra in extras for line in extra)]
    wanted = {re.split(r"[^\w.-]", line)[0]: line for line in reversed(listed)}
    known = importlib.metadata.packages_distributions()
    packages = {known.get(module, [module])[0] for module in imported}
    return files, sorted(wanted.get(package, package) for package in packages)


def _relative(content: bytes, where: str, depth: int, root: Path):
    """Makes the imports of this project relative; returns the content and the names of
    all imported modules.

    `depth` is the number of folders between the package's folder and the file.
    """
    lines, modules = content.splitlines(keepends=True), set()
    for node in ast.walk(ast.parse(content, where)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            if {name.partition(".")[0] for name in names} & PACKAGES:
                raise ValueError(f"{where}:{node.lineno}: write `from ... import ...`")
            modules |= names
        if not isinstance(node, ast.ImportFrom):
            continue
        above = where.split("/")[: -node.level] if node.level else []
        module = ".".join([*above, *filter(None, [node.module])])
        if not node.level and module.partition(".")[0] in PACKAGES:
            line, start = lines[node.lineno - 1], node.col_offset
            dots = b"from " + b"." * (depth + 1)
            lines[node.lineno - 1] = line[:start] + line[start:].replace(
                b"from ", dots, 1
            )
        for alias in node.names:  # a module of the package, or a name in it
            path = root.joinpath(*module.split("."), f"{alias.name}.py")
            modules.add(f"{module}.{alias.name}" if path.exists() else module)
    return b"".join(lines), modules


def _entrances(recipe: str, text: str, origin: str, root: Path) -> dict[str, bytes]:
    """Makes `__init__.py`, which exports the recipe's names, and `__main__.py`."""
    tree = ast.parse(text).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    public = [n.name for n in tree if isinstance(n, kinds) and n.name[0] != "_"]
    before = (root / "recipes" / "__init__.py").read_text("utf-8")
    settings = before.split("\n")[ast.parse(before).body[0].end_lineno :]
    offers = [
        f"from .{recipe} import (  # noqa: E402, F401",
        *(f"    {n}," for n in public),
    ]
    start = [f"{origin}recipes", *settings, *offers, ")", ""]
    body = next(
        n for n in tree if isinstance(n, ast.If) and "__main__" in ast.dump(n)
    ).body
    nodes = [node for part in body for node in ast.walk(part)]
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    imported = {node.name for node in nodes if isinstance(node, ast.alias)}
    used = ", ".join(sorted(named - imported - {*dir(builtins)}))
    run = text.split("\n")[body[0].lineno - 1 : body[-1].end_lineno]
    main = [f"{origin}recipes/{recipe}.py", f"from .{recipe} import {used}", ""]
    main.append(textwrap.dedent("\n".join(run)) + "\n")
    both = {"__init__.py": start, "__main__.py": main}
    return {name: "\n".join(lines).encode() for name, lines in both.items()}


def _sample(recipe: str) -> dict[str, bytes]:
    """Returns the first rows of the default data, of each class if it has classes.

    Texts and music are not redistributed, because they may be under copyright. Their
    sample is this project's source code, or files that the data's maker generates.
    """
    default = re.search(r'^    data: str = "(\w+)"', recipe, re.MULTILINE)
    if not default:
        return {}
    files = {"sample/NAME": default[1].encode()}
    maker = CATALOG[default[1]].maker if default[1] in CATALOG else None
    if make := getattr(maker, "sample", None):
        with tempfile.TemporaryDirectory() as made:
            make(Path(made))
            paths = sorted(Path(made).iterdir())
            return files | {f"sample/{path.name}": path.read_bytes() for path in paths}
    folder = locate(default[1])
    if (folder / "train.txt").exists():
        sources = [path.read_bytes() for path in sorted(ROOT.glob(SAMPLE_TEXT))]
        lines = b"".join(sources).splitlines(keepends=True)
        cuts = [0, int(0.9 * len(lines)), int(0.95 * len(lines)), len(lines)]
        for part, (start, end) in zip(PARTS, itertools.pairwise(cuts), strict=True):
            files[f"sample/{part}.txt"] = b"".join(lines[start:end])
        return files
    for path in sorted(folder.glob("*.tsv")):
        lines = path.read_bytes().splitlines(keepends=True)
        files[f"sample/{path.name}"] = b"".join(lines[: 1 + SAMPLE_ROWS])
    for path in sorted(folder.glob("*.conll*")):
        sentences = path.read_bytes().split(b"\n\n")[:SAMPLE_ROWS]
        files[f"sample/{path.name}"] = b"\n\n".join(sentences).rstrip(b"\n") + b"\n"
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        place, seen, kept = header.index("label"), Counter(), [header]
        max_rows = SAMPLE_ROWS // len({row[place] for row in rows})
        for row in rows:
            seen[row[place]] += 1
            kept += [row] if seen[row[place]] <= max_rows else []
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(kept)
        files[f"sample/{path.name}"] = text.getvalue().encode()
    return files


def _write(files: dict[str, bytes], to: Path) -> None:
    """Writes all files or none; files that already exist must be equal."""
    making = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        for name, content in files.items():
            if (to / name).exists() and (to / name).read_bytes() != content:
                raise UserError(f"{to / name} exists and differs: nothing was written")
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).write_bytes(content)
        if not to.exists():
            making.rename(to)
        for name in files if making.exists() else ():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).replace(to / name)
    except OSError as error:
        raise UserError(f"{to} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)


def main(recipe: str, to: str) -> None:
    """Copies RECIPE and everything that it imports to the Python package TO."""
    target = Path(to)
    files, install = copy_recipe(recipe, target)
    for name, content in sorted(files.items()):
        lines = content.count(b"\n")
        print(f"{lines:6,} lines  {target / name}")
    total = sum(
        content.count(b"\n") for name, content in files.items() if ".py" in name
    )
    print(
        f"{len(files)} files, {total:,} lines of Python. They need:\n  pip install",
        end="",
    )
    print("", *(f'"{line}"' for line in install))
    inside = all(part.isidentifier() for part in target.parts)
    where = "" if inside else f"cd {target.parent}; "
    module = ".".join(target.parts) if inside else target.name
    print(f"Try it: {where}python -m {module} --smoke")


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))

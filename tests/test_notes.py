"""Pages refer only to what exists; the notes agree in both languages."""

import ast
import re
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
LANGUAGES = {"en": "docs/notes.en.md", "zh": "docs/notes.zh.md"}
REFERENCE = {  # code, command, and perhaps a picture
    "en": re.compile(r"Code: (.+)\. Run: (.+?)\.(?: Picture: (.+)\.)?"),
    "zh": re.compile(r"代码：(.+)。命令：(.+?)。(?:图：(.+)。)?"),
}
COMMAND = re.compile(r"^(?:make |(?:\S*/)?python -m ).*", re.M)
CODE = re.compile(r"`([^`\n]+)`")
MATH = re.compile(r"\$([^$\n]+)\$")
SYMBOL = re.compile(r"([\w/]+\.py):([\w.]+)")


@cache
def tree(path):
    return ast.parse((ROOT / path).read_text("utf-8"))


@cache
def strings(path):
    """Returns all string constants of a file, e.g. option values and figure kinds."""
    constants = (
        node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)
    )
    return {node.value for node in constants if isinstance(node.value, str)}


def names_in(node):
    """Returns the definitions in a module or class: name -> node."""
    nodes = {}
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            nodes[child.name] = child
        elif isinstance(child, (ast.Assign, ast.AnnAssign)):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            for target in targets:
                names = (n for n in ast.walk(target) if isinstance(n, ast.Name))
                nodes |= {name.id: child for name in names}
    return nodes


def fault_of_symbol(path, symbol):
    if not (ROOT / path).is_file():
        return f"no file {path}"
    node = tree(path)
    for name in symbol.split("."):
        known = names_in(node) if isinstance(node, (ast.Module, ast.ClassDef)) else {}
        if name not in known:
            return f"no {symbol} in {path}"
        node = known[name]
    return None


def fault_of_command(command):
    """Returns why `make ...` or `python -m ...` would not start, or None."""
    if module := re.match(r"(?:\S*/)?python -m ([\w.]+)", command):
        path = module[1].replace(".", "/") + ".py"
        if not (ROOT / path).is_file():
            return f"no module {module[1]}"
        recipe = Path(path).stem if path.startswith("recipes/") else None
        return fault_of_options(recipe, command) if recipe else None
    makefile = (ROOT / "Makefile").read_text("utf-8")
    target = command.split()[1]
    is_recipe = (ROOT / "recipes" / f"{target}.py").is_file()
    if not is_recipe and not re.search(rf"^{re.escape(target)}:", makefile, re.M):
        return f"no target {target} in the Makefile"
    for name, value in re.findall(r"\b([A-Z]+)=(\S+)", command):
        if not re.search(rf"\$\((value )?{name}\)", makefile):
            return f"the Makefile does not use {name}"
        if name == "RECIPE" and not (ROOT / "recipes" / f"{value}.py").is_file():
            return f"no recipe {value}"
        is_name = re.fullmatch(r"\w+", value)
        if name == "DATA" and is_name and value not in strings("data/catalog.py"):
            return f"no data set {value} in the catalog"
    for path in re.findall(r"\btests/\w+\.py", command):
        if not (ROOT / path).is_file():
            return f"no file {path}"
    if (word := re.search(r"-k (\w+)", command)) and not named_tests(word[1]):
        return f"no test is named {word[1]}"
    return fault_of_options(target, command) if is_recipe else None


def named_tests(word):
    """Returns the tests that `-k word` selects, by their own or their file's name."""
    names = [
        f"{path.stem} {name}"
        for path in (ROOT / "tests").glob("test_*.py")
        for name in names_in(tree(f"tests/{path.name}"))
        if name.startswith("test_")
    ]
    return [name for name in names if word in name]


def fault_of_options(recipe, command):
    path = f"recipes/{recipe}.py"
    classes = (
        names_in(tree(path))["Config"],
        names_in(tree("kit/command.py"))["Options"],
    )
    known = {name: node for each in classes for name, node in names_in(each).items()}
    for option, value in re.findall(r"--([\w-]+)(?: (\w+))?", command):
        if option == "help":
            continue
        if not (node := known.get(option.replace("-", "_"))):
            return f"no option --{option} of {recipe}"
        choices = re.findall(r"'(\w+)'", ast.unparse(node.annotation))
        if value and choices and value not in choices:
            return f"--{option} of {recipe} does not take {value}"
    return None


def fault_of_picture(picture):
    """A report's picture is named by its kind of figure, the name that a task gives the
    figure, or a training curve."""
    name = re.fullmatch(r"plots/(\w+)\.png", picture)
    if name is None:
        return None if (ROOT / picture).is_file() else f"no picture {picture}"
    tasks = [f"tasks/{path.name}" for path in ROOT.glob("tasks/*.py")]
    known = set().union(*map(strings, ["kit/report.py", "kit/figures.py", *tasks]))
    return None if name[1] in known else f"the report draws no {picture}"


def fault_of_math(math, before, after):
    """Returns why GitHub, which reads Markdown first, would not render `math`."""
    if re.search(r"[|*<>#]|\\[^a-zA-Z]", math):
        return f"a character that Markdown interprets: {math}"
    if re.search(r"(?:^|[^a-zA-Z0-9])_", math):
        return f"an underscore after punctuation means emphasis: {math}"
    if math != math.strip() or not re.match(r"[\s([]", before or " "):
        return f"no space before: {math}"
    if not re.match(r"[\s.,;:)\]]", after or " "):
        return f"no space after: {math}"
    if math.count("{") != math.count("}"):
        return f"braces do not match: {math}"
    return None


def concepts(language):
    """Returns one row per concept of a language's page."""
    rows = []
    for text in re.split(r"^### ", PAGES[LANGUAGES[language]], flags=re.M)[1:]:
        text = re.split(r"^## ", text, flags=re.M)[0]
        concept, *paragraphs = text.strip().split("\n\n")
        (place,) = (n for n, x in enumerate(paragraphs) if REFERENCE[language].match(x))
        code, command, picture = (
            REFERENCE[language].fullmatch(paragraphs[place]).groups()
        )
        rows.append(
            {
                "concept": concept,
                "equation": "\n".join(paragraphs[:place]),
                "code": code,
                "command": command,
                "picture": picture or "",
                "slip": "\n".join(paragraphs[place + 1 :]),
            }
        )
    assert len(rows) > 50
    return rows


ROWS = {language: concepts(language) for language in LANGUAGES}
ALL = [row for language in LANGUAGES for row in ROWS[language]]
NOTES = "\n".join(PAGES[page] for page in LANGUAGES.values())


def test_symbols_are_there():
    named = {pair for text in PAGES.values() for pair in SYMBOL.findall(text)}
    assert len(named) > 50
    assert [fault for pair in sorted(named) if (fault := fault_of_symbol(*pair))] == []
    for row in ALL:
        assert SYMBOL.search(row["code"]), row["concept"]


def commands(text):
    """Returns the commands in backticks and in code blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.M | re.S)
    lines = "\n".join(blocks).replace("$ ", "").replace("\\\n", "")
    inline = CODE.findall(re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    named = {code for code in inline if COMMAND.match(code)}
    return named | {line.partition("  #")[0].strip() for line in COMMAND.findall(lines)}


@pytest.mark.parametrize("page", PAGES)
def test_commands_can_be_run(page):
    codes = sorted(commands(PAGES[page]))
    assert [fault for code in codes if (fault := fault_of_command(code))] == []
    if page in LANGUAGES.values():
        rows = ROWS["en" if page == LANGUAGES["en"] else "zh"]
        for row in rows:
            assert set(CODE.findall(row["command"])) & set(codes), row["concept"]


def test_commands_are_found():
    text = "`make a`, `b`\n```sh\n$ make c D=e    # why\nf\npython -m g\n```\n`make h`"
    assert commands(text) == {"make a", "make c D=e", "python -m g", "make h"}


def test_pictures_are_drawn():
    named = {code for code in CODE.findall(NOTES) if code.endswith(".png")}
    assert named
    assert [fault for code in sorted(named) if (fault := fault_of_picture(code))] == []
    for row in ALL:
        assert row["picture"] == "" or CODE.fullmatch(row["picture"])[1] in named


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", place.read_text("utf-8"), flags=re.M)
            anchors = {heading.lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def test_equations_can_be_drawn():
    maths = list(MATH.finditer(NOTES))
    assert maths
    assert NOTES.count("$") == 2 * len(maths)
    ends = [(m[1], NOTES[m.start() - 1], NOTES[m.end() : m.end() + 1]) for m in maths]
    assert [fault for end in ends if (fault := fault_of_math(*end))] == []


def test_both_languages_name_the_same_row_by_row():
    def named(row):
        return row and {
            "symbols": SYMBOL.findall(row["code"]),
            "equation": sorted(MATH.findall(row["equation"])),
            "command": row["command"],
            "picture": row["picture"],
        }

    for row, other in zip_longest(*ROWS.values()):
        assert named(row) == named(other), (row or other)["concept"]


def test_every_cell_that_explains_is_filled_in_its_language():
    for language, rows in ROWS.items():
        for row in rows:
            assert row["concept"], row
            assert row["slip"], row
            chinese = re.search("[\u4e00-\u9fff]", re.sub("`.+?`", "", row["slip"]))
            assert bool(chinese) == (language == "zh"), row["concept"]


@pytest.mark.parametrize(
    ("fault_of", "right", "wrong"),
    [
        (
            fault_of_symbol,
            ("custom_layers/lstm.py", "LSTMCell.step"),
            ("custom_layers/lstm.py", "LSTMCell.cal"),
        ),
        (
            fault_of_symbol,
            ("recipes/sentiment.py", "Config.epochs"),
            ("recipes/sentiment.py", "epochs"),
        ),
        (
            fault_of_symbol,
            ("custom_layers/gru.py", "GRU"),
            ("custom_layers/gr.py", "GRU"),
        ),
        (fault_of_command, ("make sentiment",), ("make sentimental",)),
        (
            fault_of_command,
            ("make try RECIPE=sentiment",),
            ("make try RECIPE=sentimental",),
        ),
        (
            fault_of_command,
            ("make sentiment DATA=imdb",),
            ("make sentiment DATA=imbd",),
        ),
        (
            fault_of_command,
            ('make sentiment ARGS="--units 8"',),
            ('make sentiment ARGS="--unit 8"',),
        ),
        (
            fault_of_command,
            ('make sentiment ARGS="--cell gru"',),
            ('make sentiment ARGS="--cell grue"',),
        ),
        (
            fault_of_command,
            ("python -m recipes.sentiment --smoke",),
            ("python -m recipes.sentient --smoke",),
        ),
        (
            fault_of_command,
            ('make test ARGS="-k notes"',),
            ('make test ARGS="-k noets"',),
        ),
        (fault_of_picture, ("plots/loss.png",), ("plots/lost.png",)),
        (fault_of_math, ("h_t", " ", ","), (r"\{h\}", " ", ",")),
        (fault_of_math, (r"\lVert g \rVert", " ", " "), ("|g|", " ", " ")),
        (fault_of_math, (r"\bar{h_t}", " ", " "), (r"\bar{h}_t", " ", " ")),
        (fault_of_math, ("U", " ", " "), ("U", "是", " ")),
    ],
)
def test_a_slip_is_found(fault_of, right, wrong):
    assert fault_of(*right) is None
    assert fault_of(*wrong)

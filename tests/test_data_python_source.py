"""Source of the standard library: code, no tables; each file once, in one part."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from data import python_source
from data.parts import PARTS
from data.python_source import is_table, read

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    python_source.write(folder)
    return folder


@pytest.fixture(scope="module")
def sources():
    return read(python_source.ROOT)


def test_parts_hold_whole_files_once(folder, sources):
    parts = {name: (folder / f"{name}.txt").read_text("utf-8") for name in PARTS}
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.txt" for name in PARTS
    )
    parts_of = {
        name: [part for part, text in parts.items() if source in text]
        for name, source in sources.items()
        if len(source) > 300  # a shorter file may be contained in another
    }
    several = [name for name, names in parts_of.items() if len(names) > 1]
    nowhere = [name for name, names in parts_of.items() if not names]
    assert not several and {"html/entities.py", "stringprep.py"} <= {*nowhere}
    assert all(is_table(sources[name]) for name in nowhere)
    total = sum(map(len, parts.values()))
    assert total > 5_000_000
    for part in ("validation", "test"):
        assert len(parts[part]) / total == pytest.approx(0.05, abs=0.01)


def test_written_alike_by_another_process(folder, tmp_path):
    code = """
import pathlib, sys
from data import python_source
python_source.write(pathlib.Path(sys.argv[1]))
assert not {"turtle", "antigravity", "this"} & sys.modules.keys()  # nothing imported
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=True)
    for part in PARTS:
        name = f"{part}.txt"
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


def test_what_is_left_out(sources):
    assert {"argparse.py", "json/decoder.py", "unittest/case.py"} <= sources.keys()
    inside = re.compile(r"(^|/)(tests?|encodings|idlelib|pydoc_data|site-packages)/")
    assert not [name for name in sources if inside.search(name)]
    tables = {name for name, text in sources.items() if is_table(text)}
    assert {"html/entities.py", "stringprep.py"} <= tables
    assert sum(len(sources[name]) for name in tables) < 0.05 * sum(
        map(len, sources.values())
    )


def test_equal_files_stand_once(tmp_path):
    texts = {
        "b.py": "same = 1\n",
        "a/c.py": "same = 1\n",
        "a/d.py": "\ufeffother = 1\r\n\r\n",
        "e.py": " \n",
        "f.py": "no_line_end = 1",
        "tests/g.py": "left_out = 1\n",
        "a/test_g.py": "left_out = 2\n",
        "a/g_test.py": "left_out = 3\n",
        "a/h.txt": "no = 'source'\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / "i.py").write_bytes("# caf\xe9\n".encode("latin-1"))
    assert read(tmp_path) == {
        "a/c.py": "same = 1\n",
        "a/d.py": "other = 1\n",
        "f.py": "no_line_end = 1\n",
    }


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("names = {\n" + "    'a#b': 'x',  # a\n" * 9 + "}\n", True),
        ("codes = [\n" + "    0x00e1, 0xA0, 1.5e9,\n" * 9 + "]\n", True),
        ("f(\n" + "    [\n" * 9 + "    ]\n" * 9 + ")\n", False),
        ("def f(x):\n" + "    x = g('a', 1)\n" * 9, False),
        ('"""A module."""\n' + "# 'a', 'b'\n" * 99 + "import a\n" * 3, False),
        ("", False),
    ],
)
def test_tables(text, table):
    assert is_table(text) == table


def test_version_changes_with_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(python_source, "ROOT", tmp_path)
    versions = set()
    for name, text in (("a.py", "a = 1\n"), ("a.py", "a = 2\n"), ("b.py", "a = 2\n")):
        for old in tmp_path.iterdir():
            old.unlink()
        (tmp_path / name).write_text(text)
        versions.add(python_source.version())
    assert len(versions) == 3
    number = ".".join(map(str, sys.version_info[:3]))
    assert all(re.fullmatch(rf"{number}.*-[0-9a-f]{{12}}", v) for v in versions)

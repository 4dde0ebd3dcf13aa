"""Names and paths become plain files, made once, completely or not at all."""

import gzip
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from data import (
    aclimdb,
    blanks,
    catalog,
    folders,
    pydocs,
    python_source,
    reviews,
    shakespeare,
    text8,
    wikitext,
)
from data.errors import UserError
from data.pairs import read_pairs
from data.plain import as_plain
from data.tables import read_table
from data.tagged import read_tagged
from data.texts import PARTS, read_parts

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SHARED_DATA", ROOT / ".." / "shared" / "data"))

TEXTS = {
    "aclImdb/train/neg/0_3.txt": 'Bad.<br /><br />Very, "very" bad.',
    "aclImdb/train/neg/10_1.txt": "Bad too",
    "aclImdb/train/neg/2_1.txt": "Worse",
    "aclImdb/train/pos/0_9.txt": "Good, naïve fun",
    "aclImdb/test/neg/0_2.txt": "No",
    "aclImdb/test/pos/0_10.txt": "Yes",
}
OTHERS = {
    "aclImdb/README": "no review",
    "aclImdb/train/unsup/0_0.txt": "no label",
    "aclImdb/train/pos/._0_9.txt": "a copy tool's file",
    "../train/pos/1_9.txt": "outside",
    "/aclImdb/train/pos/../pos/1_9.txt": "outside",
}
TRAIN = [
    ('Bad.  Very, "very" bad.', "negative"),
    ("Bad too", "negative"),
    ("Worse", "negative"),
    ("Good, naïve fun", "positive"),
]


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_tar(path, texts, mode="w:gz", extra=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content := text.encode())
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return path


def rows_of(folder, part):
    return read_table(folder / f"{part}.csv", ("text", "label"))[0]


def left_behind(folder):
    return [path for path in folder.rglob("*") if ".part" in path.name]


def special(name, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_tar_by_path(places, mode):
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    extra = [
        special(f"aclImdb/train/pos/{i}_7.txt", kind) for i, kind in enumerate(kinds, 5)
    ]
    # Rows are sorted by file name, whatever their order in the archive.
    texts = dict(reversed((TEXTS | OTHERS).items()))
    tar = make_tar(places / "mine.tar", texts, mode, extra)
    folder = catalog.locate("mine.tar")
    assert folder.parent == places / "cache"
    assert aclimdb.digest(tar).startswith(folder.name) and len(folder.name) == 12
    assert sorted(path.name for path in folder.iterdir()) == ["test.csv", "train.csv"]
    assert folder.stat().st_mode & 0o777 == 0o755
    assert rows_of(folder, "train") == TRAIN
    assert rows_of(folder, "test") == [("No", "negative"), ("Yes", "positive")]
    made = folder.stat().st_mtime_ns
    assert catalog.locate("mine.tar") == folder and folder.stat().st_mtime_ns == made
    assert not (places / "train").exists()  # nothing was extracted


def test_neighbours_in_number_stay_in_one_part(places):
    """The official archive numbers the reviews of a film consecutively."""
    kinds = (("neg", 2), ("pos", 9))
    names = [f"train/{k}/{n}_{r}.txt" for n in range(2700) for k, r in kinds]
    test = {name: text for name, text in TEXTS.items() if "test" in name}
    make_tar(places / "mine.tar", test | {name: name for name in names}, "w:")
    folder = catalog.locate("mine.tar")
    held_out = {text for text, _ in rows_of(folder, "validation")}
    blocks = [*range(250), *range(2500, 2700)]
    assert held_out == {f"train/{k}/{n}_{r}.txt" for n in blocks for k, r in kinds}
    assert {text for text, _ in rows_of(folder, "train")} == set(names) - held_out


def test_what_a_killed_process_left_is_removed(places):
    make_tar(places / "mine.tar", TEXTS)
    for name, age in (("killed.part", 2 * folders.STALE), ("at-work.part", 0)):
        (places / "cache" / name).mkdir(parents=True)
        (places / "cache" / name / "train.csv").touch()
        then = time.time() - age
        for path in (places / "cache" / name / "train.csv", places / "cache" / name):
            os.utime(path, (then, then))
    folder = catalog.locate("mine.tar")
    names = {path.name for path in (places / "cache").iterdir()}
    assert names == {folder.name, "at-work.part"}


@pytest.mark.parametrize("inside", ["", "outer"])
def test_folder_by_path(places, inside):
    for name, text in TEXTS.items():
        path = places / "mine" / inside / Path(name).relative_to("aclImdb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    folder = catalog.locate("mine")
    assert rows_of(folder, "train") == TRAIN
    path.write_text("another text")
    assert catalog.locate("mine") != folder


def test_other_paths_are_returned_as_they_are(places):
    (places / "mine.csv").write_text("text,label\n")
    (places / "parts").mkdir()
    assert catalog.locate("mine.csv") == Path("mine.csv")
    assert catalog.locate("parts") == Path("parts")


def test_a_name_wins_over_a_path(places):
    (places / "imdb").mkdir()
    make_tar(places / "home/imdb/aclImdb_v1.tar.gz", TEXTS)
    assert catalog.locate("imdb").parent == places / "home" / "imdb"
    assert catalog.locate("./imdb") == Path("imdb")


@pytest.mark.parametrize("name", ["aclImdb_v1.tar.gz", "aclImdb_labelled.tar.gz"])
def test_a_file_at_hand_is_not_fetched(places, monkeypatch, name):
    monkeypatch.setattr(catalog, "fetch", None)
    make_tar(places / "home/imdb" / name, TEXTS)
    assert rows_of(catalog.locate("imdb"), "train") == TRAIN


def test_fetched_once_with_the_catalogs_hash(places, monkeypatch):
    calls = []

    def fetch(url, path, sha256, size):
        calls.append((url, sha256, size))
        return make_tar(path, TEXTS)

    monkeypatch.setattr(catalog, "fetch", fetch)
    assert rows_of(catalog.locate("imdb"), "train") == TRAIN
    catalog.locate("imdb")
    source = catalog.CATALOG["imdb"]
    assert calls == [(source.url, source.sha256, source.size)]
    assert len(source.sha256) == 64 and source.sha256_from and source.licence


def test_read_only_home_is_left_alone(places):
    make_tar(places / "home/imdb/aclImdb_v1.tar.gz", TEXTS)
    for folder in (places / "home/imdb", places / "home"):
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert catalog.locate("imdb").parent == places / "cache"
        assert len(list((places / "home/imdb").iterdir())) == 1
    finally:
        for folder in (places / "home", places / "home/imdb"):
            folder.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imbd", "did you mean imdb?"),
        ("Review", "did you mean reviews?"),
        (
            "mine.csv",
            "a catalog name (reviews, imdb, python, pydocs, tinyshakespeare, ",
        ),
        ("shakespeare", "did you mean tinyshakespeare?"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_neither_name_nor_path(name, message):
    with pytest.raises(UserError) as caught:
        catalog.locate(name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"some/file.txt": "x"}, "expected texts train/pos"),
        ({k: v for k, v in TEXTS.items() if "train/pos" not in k}, "train/neg"),
        ({k: v for k, v in TEXTS.items() if "test/pos" not in k}, "test/pos"),
    ],
)
def test_another_layout_is_refused(places, texts, message):
    make_tar(places / "mine.tar.gz", texts)
    with pytest.raises(UserError, match=message):
        catalog.locate("mine.tar.gz")
    assert not list((places / "cache").iterdir())


def test_damaged_archives_are_refused(places):
    tar = make_tar(places / "mine.tar.gz", TEXTS | {"long": "x\n" * 10**6}, "w:")
    tar.write_bytes(tar.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"mine\.tar\.gz"):
        catalog.locate("mine.tar.gz")
    text = "".join(chr(97 + i * i % 23) for i in range(10**5))
    tar = make_tar(places / "mine.tar.gz", TEXTS | {"long": text})
    tar.write_bytes(tar.read_bytes()[:-300])
    with pytest.raises(UserError, match=r"mine\.tar\.gz: expected a whole tar"):
        catalog.locate("mine.tar.gz")
    assert not list((places / "cache").iterdir())


def test_bombs_are_refused(places, monkeypatch):
    make_tar(places / "mine.tar.gz", TEXTS | {"zeros": "0" * 10**6})
    monkeypatch.setattr(aclimdb, "MAX_ARCHIVE", 10**5)
    with pytest.raises(UserError, match="at most 100000 bytes"):
        catalog.locate("mine.tar.gz")
    monkeypatch.setattr(aclimdb, "MAX_ARCHIVE", 10**9)
    monkeypatch.setattr(aclimdb, "MAX_TEXT", 10)
    with pytest.raises(UserError, match=r"0_3\.txt: expected at most 10 bytes"):
        catalog.locate("mine.tar.gz")


def test_a_huge_text_in_a_folder_is_refused(places, monkeypatch):
    for name, text in TEXTS.items():
        path = places / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    longest = max(len(text.encode()) for text in TEXTS.values())
    monkeypatch.setattr(aclimdb, "MAX_TEXT", longest - 1)
    with pytest.raises(UserError, match=f"expected at most {longest - 1} bytes, found"):
        catalog.locate("aclImdb")
    monkeypatch.setattr(aclimdb, "MAX_TEXT", longest)  # just long enough
    assert rows_of(catalog.locate("aclImdb"), "train") == TRAIN


def test_byte_order_mark_is_no_part_of_the_text(places):
    marked = {name: "\ufeff" + text for name, text in TEXTS.items()}
    make_tar(places / "mine.tar", marked)
    assert rows_of(catalog.locate("mine.tar"), "train") == TRAIN


def test_digest_knows_names_borders_and_the_code(places, monkeypatch):
    """Otherwise files made from another folder or by older code would be reused."""
    first, second = places / "train/pos/0_9.txt", places / "train/pos/1_9.txt"
    first.parent.mkdir(parents=True)
    digests = set()
    for contents in (("ab", "c"), ("a", "bc"), ("a", "cb")):
        for path, content in zip((first, second), contents, strict=True):
            path.write_text(content)
        digests.add(aclimdb.digest(places))
    second.rename(places / "train/pos/2_9.txt")
    digests.add(aclimdb.digest(places))
    code = places / "aclimdb.py"
    code.write_text("# a later version")
    monkeypatch.setattr(aclimdb, "__file__", str(code))
    digests.add(aclimdb.digest(places))
    assert len(digests) == 5


def test_text_that_is_not_utf8_is_named(places):
    for name, text in TEXTS.items():
        path = places / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"train/pos/0_9\.txt: expected UTF-8"):
        catalog.locate("aclImdb")


class Killed(BaseException):
    pass


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), Killed()])
def test_a_failure_leaves_nothing(places, monkeypatch, problem):
    def write(folder):
        (folder / "train.csv").write_text("half")
        raise problem

    monkeypatch.setattr(reviews, "write", write)
    expected = UserError if isinstance(problem, OSError) else Killed
    with pytest.raises(expected):
        catalog.locate("reviews")
    assert not list((places / "home/reviews").iterdir())


def test_another_process_was_first(places, monkeypatch):
    def write(folder):
        (folder / "train.csv").write_text("mine")
        target = folder.parent / reviews.version()
        target.mkdir()
        (target / "train.csv").write_text("theirs")

    monkeypatch.setattr(reviews, "write", write)
    folder = catalog.locate("reviews")
    assert (folder / "train.csv").read_text() == "theirs"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_kill_leaves_nothing_that_is_taken_for_the_data(places):
    """The process is killed in the middle of writing; then the data is made again."""
    code = """
import os, signal, sys
from data import catalog, reviews
def write(folder):
    (folder / "train.csv").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
reviews.write = write
catalog.locate("reviews")
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert killed.returncode == -9
    assert not (places / "home/reviews" / reviews.version()).exists()
    code = """
from data import catalog, reviews
reviews.SIZES = {"train": 20, "test_novel": 4}
catalog.locate("reviews")
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert len(rows_of(places / "home/reviews" / reviews.version(), "train")) == 20


def test_generator_of_another_version_makes_the_set_anew(places, monkeypatch):
    monkeypatch.setattr(reviews, "write", lambda folder: (folder / "a").write_text("1"))
    first = catalog.locate("reviews")
    assert first == places / "home/reviews" / reviews.version()
    assert catalog.locate("reviews") == first
    monkeypatch.setattr(reviews, "version", lambda: "another")
    assert catalog.locate("reviews") == places / "home/reviews/another"


def test_command_line(places, capsys):
    assert catalog.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ["reviews", "imdb", "python", "pydocs", "tinyshakespeare", "wikitext-2"]
    names += ["text8", "dates", "addition", "people", "multi30k"]
    names += ["chorales", "folk", "jsb-chorales"]
    names += ["wnut17", "ud-english-ewt", "sentence-compression", "blanks"]
    assert [line.split()[0] for line in lines] == names
    make_tar(places / "home/imdb/aclImdb_v1.tar.gz", TEXTS)
    assert catalog.main(["imdb"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_dir()
    assert catalog.main(["imbd"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("maker", [python_source, pydocs, blanks])
def test_what_is_installed_is_made_a_text_once(places, monkeypatch, maker):
    def write(folder):
        for part in PARTS:
            (folder / f"{part}.txt").write_text(part)

    monkeypatch.setattr(maker, "write", write)
    name = {python_source: "python", pydocs: "pydocs", blanks: "blanks"}[maker]
    folder = catalog.locate(name)
    assert folder == places / "home" / name / maker.version()
    assert catalog.locate(name) == folder
    assert [*read_parts(folder)["test"].chunks()] == ["test"]


def test_paths_of_texts_are_returned_as_they_are(places):
    folder = places / "python"
    folder.mkdir()
    for part in PARTS:
        (folder / f"ptb.{part}.txt").write_text(part)
    assert catalog.locate("./python") == Path("python")
    assert catalog.locate("python/ptb.test.txt") == Path("python/ptb.test.txt")


def test_shakespeare_is_cut_as_by_nanogpt(places, monkeypatch):
    monkeypatch.setattr(catalog, "fetch", None)
    text = "".join(f"line {n}, naïve\n" for n in range(1001))
    path = places / "home/tinyshakespeare/input.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())
    folder = catalog.locate("tinyshakespeare")
    parts = [(folder / f"{part}.txt").read_bytes().decode() for part in PARTS]
    assert "".join(parts) == text
    assert parts[0] + parts[1] == text[: int(len(text) * 0.9)]
    assert parts[0] == text[: int(len(text) * 0.85)]
    path.write_bytes("naïve".encode("latin-1"))
    with pytest.raises(
        UserError, match=r"input\.txt: expected UTF-8 text, found byte 2"
    ):
        catalog.locate("tinyshakespeare")
    assert shakespeare.digest(path) != folder.name


WIKI = {
    f"wikitext-2/wiki.{name}.tokens": f" = {name} = \n"
    for name in ("train", "valid", "test")
}


def make_zip(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in texts.items():
            packed.writestr(name, text)
    return path


def test_wikitext(places, monkeypatch):
    calls = []

    def fetch(url, path, sha256, size):
        calls.append((url, sha256, size))
        return make_zip(path, {"wikitext-2/": "", **WIKI})

    monkeypatch.setattr(catalog, "fetch", fetch)
    parts = read_parts(catalog.locate("wikitext-2"))
    texts = ["".join(parts[name].chunks()) for name in PARTS]
    assert texts == [" = train = \n", " = valid = \n", " = test = \n"]
    source = catalog.CATALOG["wikitext-2"]
    assert calls == [(source.url, source.sha256, None)]  # no size is published


def test_another_zip_is_refused(places, monkeypatch):
    path = places / "home/wikitext-2/wikitext-2-v1.zip"
    make_zip(path, {name: text for name, text in WIKI.items() if "valid" not in name})
    with pytest.raises(UserError, match=r"wiki\.valid\.tokens .* found none"):
        catalog.locate("wikitext-2")
    make_zip(path, WIKI | {"wikitext-2/wiki.test.tokens": "0" * 10**5})
    monkeypatch.setattr(wikitext, "MAX_TEXT", 10**4)
    with pytest.raises(UserError, match="at most 10000 bytes, found 100000 bytes"):
        catalog.locate("wikitext-2")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="expected a whole zip"):
        catalog.locate("wikitext-2")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_text8_is_cut_as_character_models_cut_it(places, monkeypatch):
    monkeypatch.setattr(catalog, "fetch", None)
    assert text8.SIZES == {
        "train": 9 * 10**7,
        "validation": 5 * 10**6,
        "test": 5 * 10**6,
    }
    monkeypatch.setattr(text8, "SIZES", {"train": 90, "validation": 5, "test": 5})
    whole = "".join(f"word{chr(97 + n)} " for n in range(26))
    path = make_zip(places / "home/text8/text8.zip", {"text8": whole[:100]})
    folder = catalog.locate("text8")
    parts = [(folder / f"{part}.txt").read_text() for part in PARTS]
    assert parts == [whole[:90], whole[90:95], whole[95:100]]
    make_zip(path, {"text8": whole[:99]})
    with pytest.raises(UserError, match="expected text8 of 100 bytes, found fewer"):
        catalog.locate("text8")
    make_zip(path, {"text8": whole[:101]})
    with pytest.raises(UserError, match="at most 100 bytes, found 101 bytes"):
        catalog.locate("text8")
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == [
        path.name
    ]


def test_several_files_are_fetched_each_once(places, monkeypatch):
    calls = []

    def fetch(url, path, sha256, size):
        calls.append((url, sha256, size))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"".join(b"%d\n" % n for n in range(20))))

    monkeypatch.setattr(catalog, "fetch", fetch)
    source = catalog.CATALOG["multi30k"]
    folder = catalog.locate("multi30k")
    wanted = [(source.url + name, *known) for name, known in source.files.items()]
    assert calls == wanted and source.url.endswith("/")
    assert catalog.locate("multi30k") == folder == places / "home/multi30k"
    assert sorted(path.name for path in folder.iterdir()) == sorted(source.files)
    (folder / "val.de.gz").unlink()
    catalog.locate("multi30k")
    assert calls[len(wanted) :] == [wanted[2]]
    with pytest.raises(UserError, match="found both sides equal in 60 of 60"):
        read_pairs(as_plain(folder, "utf-8", places / "plain"))


TAGGED = ["wnut17", "ud-english-ewt", "sentence-compression"]


@pytest.mark.parametrize("name", TAGGED)
def test_tagged_sentences_by_hand(places, monkeypatch, name):
    """Files that a person put there are not fetched; they may be packed."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs the data sets in {SHARED}")
    monkeypatch.setattr(catalog, "fetch", None)
    home = places / "home" / name
    home.mkdir(parents=True)
    for path in (SHARED / name).iterdir():
        shutil.copy(path, home)
    folder = catalog.locate(name)
    assert folder == home
    for file, (sha256, size) in catalog.CATALOG[name].files.items():
        packed = folder / f"{file}.gz"
        content = (packed if packed.is_file() else folder / file).read_bytes()
        content = gzip.decompress(content) if packed.is_file() else content
        assert len(content) == size
        assert hashlib.sha256(content).hexdigest() == sha256


@pytest.mark.parametrize("name", TAGGED)
def test_tagged_sentences_are_fetched(places, monkeypatch, name):
    calls = []

    def fetch(url, path, sha256, size):
        calls.append((url, sha256, size))
        path.parent.mkdir(parents=True, exist_ok=True)
        row = "1\tw{0}\tx\t{1}" + "\tx" * 6 + "\n\n"  # CoNLL-U
        path.write_text("".join(row.format(n, n % 2) for n in range(20)))

    monkeypatch.setattr(catalog, "fetch", fetch)
    source = catalog.CATALOG[name]
    folder = catalog.locate(name)
    assert calls == [(source.url + file, *x) for file, x in source.files.items()]
    parts, _ = read_tagged(folder, None, (0, 0), 0)
    assert {part: len(rows) for part, rows in parts.items()} == dict.fromkeys(PARTS, 20)


@pytest.mark.parametrize("name", ["dates", "addition"])
def test_generated_pairs(places, name, capsys):
    folder = catalog.locate(name)
    assert folder.parent == places / "home" / name
    parts = read_pairs(folder)
    sizes = {part: len(rows) for part, rows in parts.items()}
    assert sizes == catalog.CATALOG[name].maker.SIZES
    assert capsys.readouterr().out == ""  # no row skipped, repeated or leaked


@pytest.mark.parametrize("name", catalog.CATALOG)
def test_every_entry_names_its_source(name):
    source = catalog.CATALOG[name]
    assert source.about and source.licence
    if source.url:
        hashes = [sha256 for sha256, _ in source.files.values()] or [source.sha256]
        assert {len(sha256) for sha256 in hashes} == {64}
        assert "github.com/" in source.sha256_from


@pytest.mark.skipif(
    not (SHARED / "tinyshakespeare").is_dir(), reason=f"needs the data sets in {SHARED}"
)
def test_tinyshakespeare(places, monkeypatch):
    monkeypatch.setenv("DATA_HOME", str(SHARED))
    folder = catalog.locate("tinyshakespeare")
    sizes = [len((folder / f"{part}.txt").read_text()) for part in PARTS]
    assert sizes == [948084, 55770, 111540]  # nanoGPT's 1,003,854 and 111,540


@pytest.mark.skipif(
    not (SHARED / "imdb").is_dir(), reason=f"needs the data sets in {SHARED}"
)
def test_imdb(places, monkeypatch):
    monkeypatch.setenv("DATA_HOME", str(SHARED))
    before = sorted((SHARED / "imdb").iterdir())
    folder = catalog.locate("imdb")
    assert folder.parent == places / "cache"
    for part, half in (("train", 11250), ("validation", 1250), ("test", 12500)):
        rows = rows_of(folder, part)
        assert len(rows) == 2 * half
        assert [label for _, label in rows[:half]] == ["negative"] * half
        assert {label for _, label in rows[half:]} == {"positive"}
        assert not any("<br" in text for text, _ in rows)
    assert sorted((SHARED / "imdb").iterdir()) == before

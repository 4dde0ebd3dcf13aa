"""The generated sentences with names: reproducible, well tagged, and nothing leaks."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from data import people, people_names
from tokens.cased_words import tokenize

ROOT = Path(__file__).parent.parent
TAGS = {"O"} | {f"{place}-{kind}" for place in "BI" for kind in people.KINDS}
HELD_OUT = ("validation", "test")


SIZES = {**people.SIZES, "train": 48000}  # fewer, for speed


@pytest.fixture(scope="module")
def parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "SIZES", SIZES)
        return people.generate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Parts written by another process with another hash seed."""
    folder = tmp_path_factory.mktemp("people")
    code = """
import pathlib, sys
from data import people
people.SIZES["train"] = int(sys.argv[2])
people.write(pathlib.Path(sys.argv[1]))
"""
    command = [sys.executable, "-c", code, folder, f"{SIZES['train']}"]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return folder


def rows_of(path):
    """Returns the sentences of a file, each a list of (token, tag)."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [[tuple(line.split("\t")) for line in b.strip().split("\n")] for b in blocks]


def keys_of(sentences):
    return {key for s in sentences for name in s.names for key in people._keys(name)}


def test_files_are_the_same_in_another_process(folder, parts):
    by_hand = {f"test_{name}" for name in people.BY_HAND if by_hand_file(name).exists()}
    written = {path.name for path in folder.iterdir()}
    assert written == {f"{part}.conll" for part in by_hand | set(SIZES)}
    for part, sentences in parts.items():
        expected = [[*zip(s.tokens, s.tags, strict=True)] for s in sentences]
        assert rows_of(folder / f"{part}.conll") == expected
        assert len(expected) == SIZES[part]


def by_hand_file(name):
    return people.HERE / f"people_{name}.conll"


def test_another_seed_gives_other_sentences(monkeypatch):
    monkeypatch.setattr(people, "SIZES", {"train": 50})
    same, again, other = (
        people.generate(s)["train"] for s in (people.SEED,) * 2 + (1,)
    )
    assert same == again and same != other


def test_version_changes_with_the_sources(tmp_path, monkeypatch):
    for source in [*people.HERE.glob("people*"), people.HERE / "reviews_sentences.txt"]:
        (tmp_path / source.name).write_bytes(source.read_bytes())
    assert people.version() == people.version()
    monkeypatch.setattr(people, "HERE", tmp_path)
    versions = {people.version()}
    for name in ("people_names.txt", "people_tuned.conll", "reviews_sentences.txt"):
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        versions.add(people.version())
    assert len(versions) == 4


def test_tokens_are_those_of_the_recipe(parts):
    for sentences in parts.values():
        for sentence in sentences:
            assert list(sentence.tokens) == tokenize(sentence.text)


def test_tags_are_iob2(folder):
    paths = sorted(folder.iterdir())
    assert folder / "test_tuned.conll" in paths
    for path in paths:
        seen = set()
        for sentence in rows_of(path):
            before = "O"
            for token, tag in sentence:
                assert token and tag in TAGS, (path, sentence)
                assert tag[0] != "I" or before[1:] == tag[1:], (path, sentence)
                before = tag
                seen.add(tag)
        assert seen == TAGS, path


def test_held_out_names_are_unseen(parts):
    """No whole name and no token of its own occurs in the names of two parts."""
    keys = {part: keys_of(parts[part]) for part in ("train", *HELD_OUT)}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["validation"]
    assert not keys["validation"] & keys["test"]
    tokens = {key for key in keys["test"] if key[0] != " "}
    assert len(tokens) > 400 and len(keys["test"]) > 1200
    # Tokens that many names share are few: "United", "Street", "van".
    names = [name for s in parts["test"] for name in s.names]
    assert sum(not people_names.tokens_of(name) for name in names) < 0.02 * len(names)


def test_seen_names_are_seen(parts):
    train, seen = keys_of(parts["train"]), keys_of(parts["test_seen"])
    assert {key for key in seen if key[0] != " "} < train
    assert len(seen - train) > 300  # other given names with other surnames


def test_held_out_frames_are_unseen(parts):
    frames = {part: {s.frame for s in parts[part]} for part in parts}
    assert len(frames["train"]) > 1500
    assert len(frames["test"]) > 120 and len(frames["validation"]) > 100
    for part in (*HELD_OUT, "test_seen"):
        assert not frames[part] & frames["train"]
    assert not frames["validation"] & frames["test"]
    assert len(frames["test_seen"] & frames["test"]) > 100
    texts = [s.text for part in parts for s in parts[part]]
    assert len(set(texts)) == len(texts)


def test_each_listed_name_is_in_one_part():
    lists = [people_names.names(part) for part in ("train", *HELD_OUT)]
    for heading in lists[0]:
        if heading.startswith(("women", "men", "family", "city", "company")):
            names = [name for part in lists for name in part[heading]]
            assert len(set(names)) == len(names) > 5
    assert len(lists[0]["languages"]) > 25
    assert min(len(part["languages"]) for part in lists) > 10
    for part in lists[1:]:  # names that are also words are for training
        assert not part["ambiguous person"] and not part["well-known people"]


def test_a_blend_is_no_held_out_name(monkeypatch):
    monkeypatch.setattr(people, "BLENDED", 1)
    monkeypatch.setattr(people, "CROSSED", 0)

    def drawn(part):
        writer = people.Writer(Random(0), part)
        names = {writer.maybe_blended("family english") for _ in range(2000)}
        return names - set(writer.names["family english"])

    blended = drawn("train")
    assert len(blended) > 500
    assert not drawn("test")
    blended = {name for name in blended if people_names.tokens_of(name)}
    tokens = frozenset(name.lower() for name in blended)
    monkeypatch.setattr(people_names, "held_out", lambda: tokens)
    assert not drawn("train") & blended


def drawn_names(part, slot, count=2000):
    """Returns the names that `count` fillings of a slot show, without the marks."""
    writer = people.Writer(Random(0), part)
    texts = [writer.filling(slot, marked=False) for _ in range(count)]
    return {text.removeprefix("the ") for text in texts}


def test_only_training_has_cities_of_two_names(monkeypatch):
    monkeypatch.setattr(people, "DOUBLED", 1)
    monkeypatch.setitem(people.NAMED, "city", ("LOC", 1.0))
    joined = re.compile(r"\w+ (es|de|al|am|la|del) \w+")
    assert sum(bool(joined.fullmatch(n)) for n in drawn_names("train", "city")) > 300
    listed = set(people_names.names("test")["city"])
    assert drawn_names("test", "city") <= listed


def test_surnames_that_are_words_are_no_held_out_names(monkeypatch):
    monkeypatch.setattr(people, "WORDED", 1)
    monkeypatch.setattr(people, "OFTEN", 0)
    words = people_names.words()
    words = {w.capitalize() for s in ("job", "thing", "plural") for w in words[s]}

    def listed(part):
        lists = people_names.names(part)
        return {n for x in lists["languages"] for n in lists[f"family {x}"]}

    assert drawn_names("test", "surname") <= listed("test")
    words = {w for w in words - listed("train") if people_names.tokens_of(w)}
    drawn = drawn_names("train", "surname") & words
    assert len(drawn) > 50
    tokens = frozenset(name.lower() for name in drawn)
    monkeypatch.setattr(people_names, "held_out", lambda: tokens)
    assert not drawn_names("train", "surname") & drawn


def test_blends_have_the_spelling_of_other_kinds(monkeypatch):
    """A crossed blend of a country has the beginning of a name of another list."""
    monkeypatch.setattr(people, "BLENDED", 1)
    listed = people_names.names("train")["country"]
    begun = {name.removeprefix("the ")[:3] for name in listed}

    def foreign():
        return [n for n in drawn_names("train", "country") if n[:3] not in begun]

    monkeypatch.setattr(people, "CROSSED", 0)
    assert not foreign()
    monkeypatch.setattr(people, "CROSSED", 1)
    assert len(foreign()) > 500


def test_articles_before_marked_names():
    writer = people.Writer(Random(0), "train")
    for template, wanted in (
        ("A <LOC Oslo> court freed him.", "An Oslo court freed him."),
        ("the <ORG The Hague Post> wrote", "The Hague Post wrote"),
        ("a <LOC Ukraine> map", "A Ukraine map"),
    ):
        text = people._polished(writer.expand(template), "news", Random(0))
        assert people.MARKS.sub("", text) == wanted


def test_sizes(parts):
    tokens = sum(len(s.tokens) for s in parts["train"]) / len(parts["train"])
    # Training takes two minutes on two cores.
    assert 1_000_000 < tokens * people.SIZES["train"] < 1_300_000
    lengths = Counter(len(s.tokens) for s in parts["train"])
    assert min(lengths) == 1 and max(lengths) <= people.LONGEST
    counts = Counter(tag for s in parts["train"] for tag in s.tags)
    assert counts["B-PER"] > counts["B-LOC"] > counts["B-ORG"] > 5000
    for kind in people.KINDS:
        assert counts[f"I-{kind}"] > 2000


def test_shares_of_the_phenomena(parts):
    train = parts["train"]

    def share(condition):
        return sum(map(condition, train)) / len(train)

    assert 0.15 < share(lambda s: not s.names) < 0.25
    assert 0.12 < share(lambda s: s.text.islower()) < 0.2
    assert 0.02 < share(lambda s: s.text.isupper()) < 0.06
    assert 0.01 < share(lambda s: s.text.istitle() and len(s.tokens) > 4) < 0.05
    assert 0.4 < share(lambda s: s.text.endswith(".")) < 0.7
    assert 0.03 < share(lambda s: not s.text.isascii()) < 0.2
    names = [name for s in train for name in s.names]
    for pattern in (
        r"^[A-Z] \. [A-Z]",  # initials
        r"^[A-Z]\.[A-Z] \. \w",
        r" (van|von|de la|bin) ",
        r"\w-\w",
        r"\w'\w",
        r" (Jr|Inc) \.$",
        r"University",
        r" & ",
    ):
        assert sum(bool(re.search(pattern, name)) for name in names) > 20, pattern
    assert {s.kind for s in train} > {"news", "ask", "sport", "headline", "words"}


@pytest.mark.parametrize(
    ("word", "tags"),
    [
        ("Will", "O PER"),
        ("May", "O PER"),
        ("Bill", "O PER"),
        ("Rose", "O PER"),
        ("Grace", "O PER"),
        ("Teddy", "O PER"),
        ("Frank", "O PER"),
        ("Black", "O PER"),
        ("Jordan", "PER LOC"),
        ("Paris", "PER LOC"),
        ("Washington", "PER LOC"),
        ("Georgia", "PER LOC"),
        ("Chelsea", "PER LOC ORG"),
        ("Turkey", "O LOC"),
        ("Reading", "O LOC"),
        ("Nice", "O LOC"),
        ("Mobile", "O LOC"),
        ("Apple", "O ORG"),
        ("Target", "O ORG"),
        ("Shell", "O ORG"),
        ("Orange", "O ORG"),
        ("Ford", "PER ORG"),
        ("Amazon", "LOC ORG"),
        ("Monday", "O"),
        ("Christmas", "O"),
        ("I", "O"),
    ],
)
def test_words_with_several_meanings(parts, word, tags):
    """Each meaning occurs often enough to learn the contexts, and no other one."""
    counts = Counter(
        tag[2:] or tag
        for s in parts["train"]
        for token, tag in zip(s.tokens, s.tags, strict=True)
        if token.lower() == word.lower()
    )
    if " " not in tags:
        assert counts.most_common(1)[0][0] == tags
        assert counts[tags] > 0.9 * sum(counts.values())
    else:
        assert all(counts[tag] >= 4 for tag in tags.split()), counts


def test_texts_are_well_formed(parts):
    for sentences in parts.values():
        for s in sentences:
            assert not re.search(
                r"[{}\[\]|]\w|\w[{}\[\]]|  |[\ue000-\uf8ff]", s.text
            ), s
            assert not re.search(r" [,;?]|\b[Tt]he the\b", s.text), s
            assert not re.search(r"\ba (?!one|eu)[aeio]", s.text), s
            assert s.text.strip() == s.text
            assert s.text.islower() or not any(n.startswith("the ") for n in s.names)


def test_every_frame_can_be_filled():
    for part in ("train", *HELD_OUT):
        for kind, (share, frames) in people_names.frames(part).items():
            assert share > 0 and frames, kind
            assert part == "train" or not any("<" in frame for frame in frames)
            for frame in frames:
                text = people.Writer(Random(1), part).expand(frame)
                assert "{" not in text and "|" not in text.replace(" | ", ""), frame


@pytest.mark.parametrize(
    ("line", "forms"),
    [
        ("sign a letter", "sign signs signed signed signing"),
        ("lie about it", "lie lies lied lied lying"),
        ("agree to wait", "agree agrees agreed agreed agreeing"),
        ("hope to win", "hope hopes hoped hoped hoping"),
        ("carry a bag", "carry carries carried carried carrying"),
        ("stay", "stay stays stayed stayed staying"),
        ("watch it", "watch watches watched watched watching"),
        ("plan+ a trip", "plan plans planned planned planning"),
        ("run+/ran/run home", "run runs ran run running"),
        ("have/had lunch", "have has had had having"),
        ("buy/bought a car", "buy buys bought bought buying"),
    ],
)
def test_verb_forms(line, forms):
    found = people_names._forms(line)
    assert " ".join(form.split(" ")[0] for form in found) == forms
    assert {form.partition(" ")[2] for form in found} == {line.partition(" ")[2]}


def test_tags_of_a_sentence():
    start, end = people.START, people.END
    text = f"Dr. {start['PER']}J. Doe Jr.{end}'s in {start['LOC']}Rome{end}, isn't he?"
    sentence = people._tagged(text, "", "")
    assert sentence.tokens == tuple(tokenize("Dr. J. Doe Jr.'s in Rome, isn't he?"))
    assert sentence.names == ["J . Doe Jr .", "Rome"]
    assert sentence.tags[:9] == ("O", "O", "B-PER", *["I-PER"] * 4, "O", "O")
    with pytest.raises(ValueError, match="overlap"):
        people._tagged(f"{start['LOC']}Rome{end}-based", "", "")


def test_tokens_of_a_name():
    assert people_names.tokens_of("the University of São Paulo") == ["paulo"]
    assert people_names.tokens_of("Muñoz & Sons Ltd.") == ["munoz"]
    assert people_names.tokens_of("Łukasz van der Berg") == ["lukasz", "berg"]
    assert people_names.plain("Søren Weiß") == "Soren Weiss"
    assert people_names.part_of("Muñoz") == people_names.part_of("MUNOZ")

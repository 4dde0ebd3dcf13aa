"""Names and words of the generated sentences with names, read from three text files.

`people_names.txt` lists names: of people by language, places and organizations.
`people_words.txt` lists words, parts of names and verb phrases, and `people_frames.txt`
sentence frames by kind, each kind with its share. `{slot}` stands for an item of the
list of that name, `[one|two]` for one of the alternatives, `<PER Will>` for a name that
is written down.

Names and frames are divided among the parts by a hash: a name that is kept for the
test part is in no list of training, and neither is the same name without accents or as
another kind of name (Kent is a county, a given name and a surname).
"""

import re
import unicodedata
import zlib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
NAME_SHARES = {"validation": 2, "test": 4}  # of 25; the rest is for training
FRAME_SHARES = {"validation": 2, "test": 3}
# Letters that are no letter with an accent.
LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D"}
    | {"þ": "th", "Þ": "Th", "æ": "ae", "Æ": "Ae", "ß": "ss", "ı": "i"}
)


def plain(text: str) -> str:
    """Removes accents: `Muñoz` -> `Munoz`."""
    letters = unicodedata.normalize("NFD", text.translate(LETTERS))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def part_of(text: str, shares: dict[str, int] = NAME_SHARES) -> str:
    """Returns the part that a name or frame is kept for."""
    draw = zlib.crc32(plain(text).lower().encode()) % 25
    for part, share in shares.items():
        draw -= share
        if draw < 0:
            return part
    return "train"


def tokens_of(name: str) -> list[str]:
    """Returns the tokens that distinguish a name, without accents and in lower case."""
    tokens = [t.rstrip(".").removesuffix("'s") for t in plain(name).lower().split()]
    return [t for t in tokens if len(t) > 1 and t not in _common()]


@cache
def _common() -> frozenset[str]:
    """Returns tokens that many names have, and the words that names are built with."""
    lists = [name for name in words() if name.startswith("made_")]
    lists += ["common", *words()["parts of names"]]
    built = " ".join(item for name in lists for item in words()[name])
    found = re.findall(r"[^\s&(),]+", re.sub(r"\{\w+\}", " ", plain(built).lower()))
    return frozenset(token.rstrip(".").removesuffix("'s") for token in found)


def _sections(name: str) -> dict[str, list[str]]:
    """Returns the lines below each heading of a file."""
    text = (HERE / name).read_text(encoding="utf-8")
    blocks = re.split(r"^# ", text, flags=re.MULTILINE)[1:]
    parsed = [block.split("\n", 1) for block in blocks]
    return {heading: lines.strip().splitlines() for heading, lines in parsed}


def _items(lines: list[str]) -> list[str]:
    return [item.strip() for item in ", ".join(lines).split(", ") if item.strip()]


@cache
def words() -> dict[str, list[str]]:
    """Returns the lists of words; the verb phrases are in `acts()`."""
    sections = _sections("people_words.txt")
    return {
        name: _items(lines)
        for name, lines in sections.items()
        if not name.startswith("acts")
    }


@cache
def acts() -> dict[str, list[tuple[str, ...]]]:
    """Returns verb phrases in five forms; those of `named` have slots for names.

    Lines begin with a regular verb, or with its base/past/participle; + doubles the
    last letter: "plan+ a trip", "run+/ran/run the marathon".
    """
    sections = _sections("people_words.txt")
    return {
        "plain": [_forms(line) for line in sections["acts"]],
        "named": [_forms(line) for line in sections["acts with names"]],
    }


def _forms(line: str) -> tuple[str, ...]:
    """Returns do, does, did, done, doing."""
    verb, _, rest = line.partition(" ")
    base, *irregular = verb.split("/")
    stem = base.rstrip("+")
    doubled = stem + stem[-1] if base.endswith("+") else stem
    if re.search("[^aeiou]y$", stem):
        third, regular = f"{stem[:-1]}ies", f"{stem[:-1]}ied"
    else:
        third = f"{stem}es" if re.search("(s|x|z|ch|sh|o)$", stem) else f"{stem}s"
        regular = f"{stem}d" if stem.endswith("e") else f"{doubled}ed"
    if stem.endswith("ie"):
        doing = f"{stem[:-2]}ying"
    else:
        doing = re.sub("(?<![eoy])e$", "", doubled) + "ing"
    past = irregular[0] if irregular else regular
    done = irregular[1] if len(irregular) > 1 else past
    third = "has" if stem == "have" else third
    return tuple(f"{form} {rest}".rstrip() for form in (stem, third, past, done, doing))


@cache
def frames(part: str) -> dict[str, tuple[float, list[str]]]:
    """Returns the share and the frames of each kind.

    Those of the test and validation parts name no one: a name in a frame is for
    training. So is a frame that begins with `~`: whoever does not know its names cannot
    tell of which kind they are ("Goodbye, Malta!").
    """
    found = {}
    for heading, lines in _sections("people_frames.txt").items():
        kind, share = heading.split()
        lines = _remarks() if kind == "sentences" else lines
        kept = [
            frame.removeprefix("~")
            for frame in filter(None, lines)
            if part == (part_of(frame, FRAME_SHARES) if frame[0] != "~" else "train")
        ]
        if part != "train":
            kept = [frame for frame in kept if "<" not in frame]
        if kept:
            found[kind] = float(share), list(dict.fromkeys(kept))
    return found


def _remarks() -> list[str]:
    """Returns sentences of the generated reviews, which have no names."""
    text = (HERE / "reviews_sentences.txt").read_text(encoding="utf-8")
    remarks = [r for line in text.splitlines() for r in line.split(" | ")]
    capital = re.compile(r"[{\[#<]|.\b(?!I\b)[A-Z]")
    remarks = [f"{r}." for r in remarks if r and not capital.search(r)]
    begin = re.compile(r"(^|[.!?] )(\w)")
    return [begin.sub(lambda m: m[1] + m[2].upper(), remark) for remark in remarks]


@cache
def names(part: str) -> dict[str, list[str]]:
    """Returns the names of a part by list.

    People's names are in the lists `women LANGUAGE`, `men LANGUAGE` and `family
    LANGUAGE`; `languages` are those that have all three.
    """
    always = {
        token
        for heading, lines in _sections("people_names.txt").items()
        if heading.startswith(("ambiguous", "well-known"))
        for name in _items(lines)
        for token in tokens_of(name)
    }
    found: dict[str, list[str]] = {"languages": []}

    def keep(heading: str, items: list[str]) -> None:
        found[heading] = [n for n in dict.fromkeys(items) if _part(n, always) == part]

    for heading, lines in _sections("people_names.txt").items():
        if not lines[-1].startswith(("family:", "before:")):
            keep(heading, _items(lines))
            continue
        fields = dict(line.split(": ", 1) for line in lines if line)
        for field in ("women", "men", "family"):
            keep(f"{field} {heading}", _items([fields[field]]))
        found[f"before {heading}"] = _items([fields.get("before", "")])
        found[f"order {heading}"] = [fields.get("order", "")]
        if all(found[f"{field} {heading}"] for field in ("women", "men", "family")):
            found["languages"].append(heading)
    return found


def _part(name: str, always: set[str]) -> str:
    """Returns the part of a name, which its longest token decides."""
    tokens = tokens_of(name)
    if not tokens or any(token in always for token in tokens):
        return "train"
    return part_of(max(tokens, key=len))


@cache
def held_out() -> frozenset[str]:
    """Returns the tokens of names that are kept for validation and test."""
    lists = [*names("validation").items(), *names("test").items()]
    return frozenset(
        token
        for heading, items in lists
        if not heading.startswith(("languages", "before", "order"))
        for name in items
        for token in tokens_of(name)
    )

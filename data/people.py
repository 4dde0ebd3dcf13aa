"""Generated sentences with the names of people, places and organizations.

A sentence is a frame ("{person} flew from {city} to {city}.") whose slots are filled
from lists of names in some thirty languages, of words and of verb phrases
(`people_names.txt`, `people_words.txt`, `people_frames.txt`). What the sentences state
is made up. The frames are of many kinds: news, biographies, conversation, questions,
commands, letters, lists, headlines, sport results, messages, names alone. A fifth has
no name. Names are also built: "Lake Ortega", "Orlov & Sons", "the University of Lima".
Most names of the training part are made up, some with the spelling of another kind of
name, so that the sentence decides and not the spelling.

Many names are also words, or names of another kind: Will, May, Rose, Apple, Turkey,
Reading; Paris, Jordan, Washington, Ford. Frames with the word, the person, the place
and the company are in the training part, so that the context decides. Some sentences
are typed without capitals, in capitals only, with Capitals As In Headlines, without a
full stop or without accents.

Every token has a tag: B- at the first token of a name, I- at the others, O outside.

- PER: people, with initials, but without their title: "Dr. {Ada Lovelace}".
- LOC: countries, cities, regions, rivers, streets, bridges, stations, airports.
- ORG: companies, authorities, parties, clubs, bands, newspapers, universities,
  hospitals, museums. A city stands for its club in sport: "{Arsenal} 2 - 1 {Lyon}".
- O: nationalities and languages (French), days, events (Christmas), titles of works,
  and "the" before a name, except in The Hague.

`test.conll` and `validation.conll` have frames and names that training does not have:
no token that distinguishes a name, such as a surname. `test_seen.conll` has names of
training in the frames of the test. `test_tuned.conll` has sentences written by hand,
which guided the choice of frames and lists; `test_handwritten.conll` has sentences that
were written without knowledge of this module.
"""

import hashlib
import re
import shutil
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

from data import people_names
from data.people_names import part_of, plain, tokens_of

SEED = 22
SIZES = {"train": 144000, "validation": 1000, "test": 1500, "test_seen": 1500}
BY_HAND = ("handwritten", "tuned")  # people_NAME.conll each
HERE = Path(__file__).parent

KINDS = ("PER", "LOC", "ORG")
START, END = {"PER": "\ue000", "LOC": "\ue001", "ORG": "\ue002"}, "\ue003"
OPEN = {mark: kind for kind, mark in START.items()}

# Slots for names, and what they are filled with: share of each.
PERSON = {"full": 0.48, "given": 0.25, "surname": 0.16, "known": 0.06, "titled": 0.05}
PLACE = {
    "city": 0.42,
    "country": 0.22,
    "region": 0.14,
    "nature": 0.10,
    "site": 0.12,
}
ORGANIZATION = {
    "company": 0.36,
    "body": 0.28,
    "university": 0.10,
    "institution": 0.08,
    "club": 0.06,
    "paper": 0.07,
    "charity": 0.05,
}
TEAM = {"club": 0.65, "city": 0.35}
NAMED = {  # kind of name, and the share of names from the lists; the others are built
    "city": ("LOC", 0.86),
    "country": ("LOC", 1.0),
    "region": ("LOC", 1.0),
    "nature": ("LOC", 0.6),
    "site": ("LOC", 0.3),
    "company": ("ORG", 0.5),
    "club": ("ORG", 0.5),
    "body": ("ORG", 0.45),
    "university": ("ORG", 0.2),
    "institution": ("ORG", 0.15),
    "charity": ("ORG", 0.1),
    "paper": ("ORG", 0.55),
}
AMBIGUOUS = {  # list of names that are also something else, and the slot it stands for
    "amb_person": ("given", "PER"),
    "amb_surname": ("surname", "PER"),
    "amb_place": ("place", "LOC"),
    "amb_company": ("company", "ORG"),
}
# What a name may be extended to: after a preposition or verb, and before a verb.
EXTENDED = 0.1  # share of such names
BEFORE = re.compile(r"\b(in|from|to|with|by|of|at|near|visit|know|like|met|saw) $")
JOINED = {
    "city": (
        *("{city} and {city}", "{city}, {city} and {city}", "{city} or {city}"),
        *("{city}, {city}, {city} and {city}", "{city} and {country}"),
        *("{city}, {country}", "{city}, {country}", "{city} ({country})"),
    ),
    "country": (
        *("{country} and {country}", "{country}, {country} and {country}"),
        *("{country} or {country}", "{city} and {country}", "{region}, {country}"),
    ),
    "place": ("{place} and {place}", "{place}, {place} and {place}"),
    "company": ("{company} and {company}", "{company}, {company} and {company}"),
    "org": ("{org} and {org}", "{org} in {city}", "{body} ({letters_org})"),
    "person": (
        *("{person} and {person}", "{person}, {person} and {person}"),
        *("{person} or {person}", "{person} from {city}", "{person} of {org}"),
        *("my {relation} {given}", "the {demonym} {job} {full}"),
    ),
    "given": ("{given} and {given}", "{given}, {given} and {given}"),
    "full": ("{full} and {full}", "{full} of {org}", "the {job} {full}"),
}
APPOSED = {
    "city": ("{city}, the capital of {country},", "{city} ({country})"),
    "company": ("{company}, based in {city},", "{company} ({letters_org})"),
    "org": ("{org}, founded in {year},", "{org} ({letters_org})"),
    "person": ("{person}, {age},", "{person}, my {relation},", "{person}, who {did},"),
    "full": (
        *("{full}, {age},", "{full} ({age})", "{full}, {a_job},", "{full} ({country})"),
        *("{full}, {a_job} from {city},", "{full}, {role} of {org},"),
    ),
}

OFTEN = 0.16  # share of English names that are from the lists of ambiguous names
ENGLISH = 0.3  # share of people with English names; other languages are equally likely
MIXED = 0.12  # share of surnames from another language than the given name's
# Of training only:
BLENDED = 0.75  # share of people's names, places and companies: two names in one
CROSSED = 0.45  # share of those that are made of names of another kind
DOUBLED = 0.12  # share of cities: two names, joined by one of JOINTS
JOINTS = (" ", " ", " ", " es ", " de ", " al ", " am ", " la ", " del ")
WORDED = 0.08  # share of surnames: ordinary words, such as "Olivia Butcher"
FULL = {  # forms of a full name
    "plain": 0.66,
    "middle initial": 0.06,
    "initial": 0.05,
    "initials": 0.05,
    "two given": 0.06,
    "two surnames": 0.05,
    "particle": 0.04,
    "ending": 0.03,
}
TWO_SURNAMES = ("spanish", "portuguese")
DOUBLE = ("english", "french", "german", "dutch", "nordic", "polish", "italian")
ENDINGS = ("Jr.", "Jr.", "Jr", "Sr.", "II", "III")
SHE = {"he": "she", "his": "her", "him": "her"}
WOMEN = ("Mrs", "Mrs.", "Ms", "Ms.", "Miss", "Madam", "Queen", "Princess", "Lady")

CASES = {"lower": 0.15, "upper": 0.03, "title": 0.02}  # the others stay as they are
HEADLINE_CASES = {"lower": 0.1, "upper": 0.1, "title": 0.4}
NO_STOP = 0.2  # share of sentences that lose their full stop
NO_ACCENTS = 0.5  # share of sentences without accents
NO_ARTICLE = 0.7  # share of "the" before a name that headlines and lists leave out
NEGATED = 0.07  # share of verb phrases
SHORT = ("headline", "alone", "list")  # kinds of frames that leave out articles
SMALL = {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the"}
SMALL |= {"to", "with"}
LONGEST = 50  # tokens
TRIES = 3
MARKS = re.compile("[\ue000-\ue003]")
ARTICLE = re.compile(
    r"\b([Aa]) (?=[\ue000-\ue002]?(?!uni|use|one |eu|ukr)[aeiou])", re.IGNORECASE
)
LITERAL = re.compile(r"<([A-Z]+) ([^>]+)>")
PIECE = re.compile(r"\{(\w+)\}|\[([^\[\]]+)\]")
WORD = re.compile(r"https?://\S+|[@#]?\w+(?:[-.,'@]\w+)*|\S")
CLITIC = re.compile(r"(?<=[a-z])n't$|(?<=.)'(?:[smd]|re|ve|ll)$", re.IGNORECASE)


@dataclass(frozen=True)
class Sentence:
    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    frame: str
    kind: str  # of the frame

    @property
    def names(self) -> list[str]:
        """The names, with spaces between their tokens."""
        found: list[str] = []
        for token, tag in zip(self.tokens, self.tags, strict=True):
            if tag[0] == "B":
                found.append(token)
            elif tag[0] == "I":
                found[-1] += f" {token}"
        return found


def generate(seed: int = SEED) -> dict[str, list[Sentence]]:
    """Returns the sentences by part; depends on the seed only, not on Python."""
    parts: dict[str, list[Sentence]] = {}
    taken: dict[str, set[str]] = {}  # names of each part, and their tokens
    texts: set[str] = set()
    for number, (part, size) in enumerate(SIZES.items()):
        random = Random(seed * 100 + number)
        sentences = parts[part] = []
        taken[part] = set()
        for sentence in _sentences(random, part):
            found = {key for name in sentence.names for key in _keys(name)}
            if part == "test_seen":
                leaks = any(k[0] != " " and k not in taken["train"] for k in found)
            else:
                leaks = any(found & keys for p, keys in taken.items() if p != part)
            if leaks or sentence.text in texts or len(sentence.tokens) > LONGEST:
                continue
            sentences.append(sentence)
            texts.add(sentence.text)
            taken[part] |= found
            if len(sentences) == size:
                break
    return parts


def write(folder: Path) -> None:
    """Writes the files of the data set, in the format of a user's own data."""
    for part, sentences in generate().items():
        blocks = [
            "".join(f"{t}\t{g}\n" for t, g in zip(s.tokens, s.tags, strict=True))
            for s in sentences
        ]
        with (folder / f"{part}.conll").open("w", encoding="utf-8", newline="") as file:
            file.write("\n".join(blocks))
    for name in BY_HAND:
        if (HERE / f"people_{name}.conll").exists():
            target = folder / f"test_{name}.conll"
            shutil.copyfile(HERE / f"people_{name}.conll", target)


def version() -> str:
    """A hash of everything that the files are made from."""
    sources = [*sorted(HERE.glob("people*")), HERE / "reviews_sentences.txt"]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes() if source.is_file() else b"")
    return digest.hexdigest()[:12]


def split(text: str) -> list[tuple[int, int]]:
    """Returns where each token begins and ends.

    The tokens are those of `tokens.cased_words`, as far as these texts go.
    """
    places = []
    for word in WORD.finditer(text):
        start, end = word.span()
        clitic = CLITIC.search(word[0])
        if clitic:
            places += [(start, start + clitic.start()), (start + clitic.start(), end)]
        else:
            places.append((start, end))
    return places


def _keys(name: str) -> list[str]:
    """What must not occur in two parts: a whole name, and each token of its own."""
    return [f" {plain(name).lower()}", *tokens_of(name)]


def _sentences(random: Random, part: str) -> Iterator[Sentence]:
    """Yields sentences; the frames of a kind are dealt, so that all are used."""
    frames = people_names.frames("test" if part == "test_seen" else part)
    shares = {kind: share for kind, (share, _) in frames.items()}
    decks: dict[str, list[str]] = {}
    while True:
        kind = _drawn(random, shares)
        deck = decks.setdefault(kind, [])
        if not deck:
            deck += _shuffled(frames[kind][1], random)
        frame = deck.pop()
        writer = Writer(random, "train" if part == "test_seen" else part)
        marked = _as_typed(_polished(writer.expand(frame), kind, random), kind, random)
        yield _tagged(marked, frame, kind)


class Writer:
    """Fills in one frame. Names stand between marks: `START[kind]` and `END`."""

    def __init__(self, random: Random, part: str):
        self.random, self.part = random, part
        self.names, self.words = people_names.names(part), people_names.words()
        self.woman = random.random() < 0.5  # whether the last person was one
        self.used: set[str] = set()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, choices):
        return choices[int(self.random.random() * len(choices))]

    def expand(self, template: str, marked: bool = True) -> str:
        """Fills in the slots; without marks inside a name that is being built."""
        text, pieces = "", _pieces(template)
        for place, (piece, slot, choices) in enumerate(pieces):
            text += piece
            if slot:
                following = pieces[place + 1][0]
                longer = marked and self.extended(slot, text, following)
                text += self.expand(longer) if longer else self.fill(slot, marked)
            elif choices:
                text += self.expand(self.pick(choices), marked)
        return text

    def extended(self, slot: str, before: str, following: str) -> str | None:
        """Returns a longer template for a name, if the sentence stays correct."""
        if slot not in JOINED or not self.chance(EXTENDED):
            return None
        if BEFORE.search(before) and not following.startswith("'"):
            return self.pick(JOINED[slot])
        if slot in APPOSED and not before and following.startswith(" "):
            return self.pick(APPOSED[slot])
        return None

    def fill(self, slot: str, marked: bool) -> str:
        """Returns a filling that the frame does not have yet, if there is one."""
        for _ in range(TRIES):
            text = self.filling(slot, marked)
            if text not in self.used:
                break
        self.used.add(text)
        return text

    def filling(self, slot: str, marked: bool) -> str:
        if slot.endswith("_cap"):
            return _capitalized(self.fill(slot.removesuffix("_cap"), marked))
        if slot.endswith("_upper"):
            return self.fill(slot.removesuffix("_upper"), marked).upper()
        if slot in ("person", "full", "given", "surname"):
            return self.person(slot, marked)
        if slot == "place":
            return self.fill(_drawn(self.random, PLACE), marked)
        if slot == "org":
            return self.fill(_drawn(self.random, ORGANIZATION), marked)
        if slot == "team":
            return self.named(_drawn(self.random, TEAM), "ORG", marked)
        if slot in NAMED:
            return self.named(slot, NAMED[slot][0], marked)
        if slot in AMBIGUOUS:
            return self.ambiguous(slot, marked)
        if slot == "amb_full":
            return self.ambiguous_full()
        form = slot.removesuffix("0")
        if form in ("do", "does", "did", "done", "doing"):
            return self.act(form, names=slot == form)
        if slot in SHE:
            return SHE[slot] if self.woman else slot
        if slot in NUMBERS:
            return NUMBERS[slot](self.random)
        if slot == "letters_org":
            return _marked(self.made_up("letters"), "ORG")
        if slot in ("letters", "town", "brand"):
            return self.made_up(slot)
        return self.expand(self.pick(self.words[slot]), marked)

    def person(self, slot: str, marked: bool) -> str:
        if slot == "person":
            slot = _drawn(self.random, PERSON)
        if slot == "known" and not self.names["well-known people"]:
            slot = "full"
        if slot == "known":
            return _marked(self.pick(self.names["well-known people"]), "PER")
        if slot == "titled":
            title = self.pick(self.words["title"])
            name = self.person("surname", marked)
            self.woman = title in WOMEN or (title[0] != "M" and self.woman)
            return f"{title} {name}"
        language = self.language()
        self.woman = self.chance(0.5)
        if slot == "given":
            name = self.given(language)
        elif slot == "surname":
            name = self.surname(language)
        else:
            name = self.full(language)
        return _marked(name, "PER") if marked else name

    def language(self) -> str:
        english = self.chance(ENGLISH)
        return "english" if english else self.pick(self.names["languages"])

    def given(self, language: str) -> str:
        ambiguous = self.names["ambiguous person"]
        if language == "english" and ambiguous and self.chance(OFTEN):
            return self.pick(ambiguous)
        return self.maybe_blended(f"{'women' if self.woman else 'men'} {language}")

    def surname(self, language: str) -> str:
        ambiguous = self.names["ambiguous surname"]
        if language == "english" and ambiguous and self.chance(OFTEN):
            return self.pick(ambiguous)
        if self.part == "train" and self.chance(WORDED):
            word = self.pick(self.words[self.pick(("job", "thing", "plural"))])
            if word.isalpha() and self.may_train(word):
                return word.capitalize()
        return self.maybe_blended(f"family {language}")

    def maybe_blended(self, heading: str) -> str:
        """Returns a name of a list, or one with the beginning and end of two, which
        may be names of another kind. Blends are for training only."""
        name = self.pick(self.names[heading])
        if self.part != "train" or not self.chance(BLENDED):
            return name
        if self.chance(CROSSED):
            language = self.language()
            people = [f"{kind} {language}" for kind in ("women", "men", "family")]
            heading = self.pick(("city", "country", "region", "company", *people))
        one, other = self.pick(self.names[heading]), self.pick(self.names[heading])
        first = re.match(r"[A-Z]\w*?[aeiouy]+[^\W\daeiouyAEIOUY]", one)
        last = re.search(r"[aeiouy]+[^\W\daeiouy]+[aeiouy]*\w?\w?$", other)
        if not first or not last or " " in one + other:
            return name
        blend = first[0] + last[0]
        return blend if len(blend) <= 10 and self.may_train(blend) else name

    def may_train(self, name: str) -> bool:
        """Whether the other parts have no such name."""
        return not set(tokens_of(name)) & people_names.held_out()

    def full(self, language: str) -> str:
        given, form = self.given(language), _drawn(self.random, FULL)
        other = language
        if self.chance(MIXED):
            other = self.language()
        surname = self.surname(other)
        first = self.names[f"order {language}"] == ["family first"]
        if first and other == language and self.chance(0.75):
            return f"{surname} {given}"
        initial = f"{self.pick(self.words['initial'])}."
        if form == "middle initial":
            return f"{given} {initial} {surname}"
        if form == "initial":
            return f"{plain(given[0]).upper()}. {surname}"
        if form == "initials":
            space = self.pick((" ", ""))
            return f"{plain(given[0]).upper()}.{space}{initial} {surname}"
        second = self.given(language)
        if form == "two given" and second != given:
            joint = "-" if language == "french" else " "
            return f"{given}{joint}{second} {surname}"
        second = self.surname(other)
        if other in TWO_SURNAMES and (form == "two surnames" or self.chance(0.3)):
            return f"{given} {surname} {second}"
        if form == "two surnames" and other in DOUBLE and " " not in surname + second:
            return f"{given} {surname}-{second}"
        if form == "particle" and self.names[f"before {other}"] and " " not in surname:
            return f"{given} {self.particle(other, surname)}"
        if form == "ending" and not self.woman:
            return f"{given} {surname} {self.pick(ENDINGS)}"
        return f"{given} {surname}"

    def particle(self, language: str, surname: str) -> str:
        before = self.pick(self.names[f"before {language}"])
        return f"{before}{'' if before[-1] == '-' else ' '}{surname}"

    def named(self, slot: str, kind: str, marked: bool) -> str:
        """Returns a name of the lists or a built one, the article outside the marks."""
        listed = self.names[slot]
        if listed and self.chance(NAMED[slot][1]):
            blended = slot in ("city", "country", "region", "nature", "company")
            name = self.maybe_blended(slot) if blended else self.pick(listed)
            if slot == "city" and self.part == "train" and self.chance(DOUBLED):
                other = self.maybe_blended(slot)
                if " " not in name + other:
                    name = f"{name}{self.pick(JOINTS)}{other}"
        else:
            name = self.expand(self.pick(self.words[f"made_{slot}"]), marked=False)
        if not marked:
            return name.removeprefix("the ")
        return _marked(name, kind)

    def ambiguous(self, slot: str, marked: bool) -> str:
        instead, kind = AMBIGUOUS[slot]
        listed = self.names[f"ambiguous {slot.removeprefix('amb_')}"]
        if not listed:
            return self.fill(instead, marked)
        self.woman = self.chance(0.5)
        return _marked(self.pick(listed), kind)

    def ambiguous_full(self) -> str:
        language, listed = self.language(), self.names["ambiguous person"]
        self.woman = self.chance(0.5)
        if not listed:
            name = self.full(language)
        elif self.chance(0.5):
            name = f"{self.pick(listed)} {self.surname(language)}"
        else:
            surname = self.pick(self.names["ambiguous surname"])
            name = f"{self.given(language)} {surname}"
        return _marked(name, "PER")

    def act(self, form: str, names: bool) -> str:
        acts = people_names.acts()["named" if names and self.chance(0.4) else "plain"]
        forms = self.pick(acts)
        if self.chance(NEGATED) and form in ("does", "did"):
            begin = {"does": ("does not", "doesn't"), "did": ("did not", "didn't")}
            return f"{self.pick(begin[form])} {self.expand(forms[0])}"
        place = ("do", "does", "did", "done", "doing").index(form)
        return self.expand(forms[place])

    def made_up(self, slot: str) -> str:
        """Returns a town's or company's name that no list has, of this part only."""
        forms = {
            "letters": self.words["letters"],
            "town": ["{town1}{town2}"],
            "brand": ["{coined1}{coined2}"],
        }
        while True:
            name = self.expand(self.pick(forms[slot]))
            known = name.lower() in people_names.held_out()
            if part_of(name) == self.part and not known:
                return name


def _whole(first: int, last: int):
    return lambda random: str(first + int(random.random() * (last - first + 1)))


def _some(*forms: str):
    """Fills in one of the forms: # stands for a digit from 1 to 9."""

    def some(random: Random) -> str:
        form = forms[int(random.random() * len(forms))]
        return re.sub("#", lambda _: str(1 + int(random.random() * 9)), form)

    return some


def _handle(random: Random) -> str:
    things = people_names.words()["thing"]
    thing = things[int(random.random() * len(things))]
    return re.sub(r"\W", "", thing) + _some("", "#", "##", "_##")(random)


NUMBERS = {
    "n12": _whole(1, 12),
    "n60": _whole(10, 60),
    "age": _whole(18, 90),
    "dayno": _whole(1, 31),
    "year": _whole(1850, 2026),
    "born": _whole(1600, 1950),
    "score": _some("# - 0", "# - 1", "#-0", "#-1", "0-#", "2:1", "3-#", "1 - 1"),
    "isodate": _some("199#-0#-1#", "199#-0#-2#", "202#-0#-0#", "201#-10-1#"),
    "phone": _some("### ###", "08## ######", "+49 89 ####", "#######", "555-01##"),
    "seconds": _some("9.##", "10.##", "4#.##", "3:2#.##", "19.##"),
    "handle": _handle,
    "tag": _handle,
}


@cache
def _pieces(template: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Splits a template into texts, each with the slot or the choices after it."""
    template = LITERAL.sub(lambda m: START[m[1]] + m[2] + END, template)
    pieces, place = [], 0
    for found in PIECE.finditer(template):
        choices = tuple(found[2].split("|")) if found[2] else ()
        pieces.append((template[place : found.start()], found[1] or "", choices))
        place = found.end()
    return (*pieces, (template[place:], "", ()))


@cache
def _steps(shares: tuple[tuple[str, float], ...]) -> tuple[list[str], list[float]]:
    return [name for name, _ in shares], [*accumulate(share for _, share in shares)]


def _drawn(random: Random, shares: dict[str, float]) -> str:
    """Draws a key with a probability in proportion to `shares[key]`."""
    names, steps = _steps(tuple(shares.items()))
    return names[bisect(steps, random.random() * steps[-1])]


def _marked(name: str, kind: str) -> str:
    article = "the " if name.startswith("the ") else ""
    return f"{article}{START[kind]}{name.removeprefix('the ')}{END}"


def _capitalized(text: str) -> str:
    """Capitalizes the first letter, which may follow a mark or a quotation mark."""
    return re.sub(r"\w", lambda m: m[0].upper(), text, count=1)


def _polished(text: str, kind: str, random: Random) -> str:
    text = re.sub(r"\b([Tt]he) the ", r"\1 ", text)
    text = re.sub("\\b[Tt]he (?=[\ue000-\ue002]?The )", "", text)  # the The Hague Post
    text = re.sub(f"'s({END})'s", r"'s\1", text)
    text = ARTICLE.sub(r"\1n ", text)
    if kind in SHORT and random.random() < NO_ARTICLE:
        text = re.sub("\\b[Tt]he (?=[\ue000-\ue002])", "", text)
    if kind == "alone" or (kind == "social" and random.random() < 0.5):
        return text
    return _capitalized(text)


def _as_typed(text: str, kind: str, random: Random) -> str:
    """Returns the text with capitals, accents and full stops as people type them."""
    case = random.random()
    for name, share in (HEADLINE_CASES if kind == "headline" else CASES).items():
        case -= share
        if case < 0:
            text = _in_case(text, name)
            break
    if random.random() < NO_ACCENTS:
        text = plain(text)
    if random.random() < NO_STOP and text.endswith((".", "!")):
        text = text[:-1]
    return text


def _in_case(text: str, case: str) -> str:
    if case == "lower":
        return text.replace("İ", "I").lower()
    if case == "upper":
        return text.upper()
    words = text.split(" ")
    return " ".join(w if w in SMALL else w[:1].upper() + w[1:] for w in words)


def _tagged(marked: str, frame: str, kind: str) -> Sentence:
    """Removes the marks and gives each token its tag."""
    text, names, place = "", [], 0
    for mark in MARKS.finditer(marked):
        text += marked[place : mark.start()]
        place = mark.end()
        if mark[0] in OPEN:
            names.append((OPEN[mark[0]], len(text)))
        else:
            names[-1] = (*names[-1], len(text))
    text += marked[place:]
    tokens, tags = [], []
    for start, end in split(text):
        tag = "O"
        for name, first, last in names:
            if first <= start and end <= last:
                tag = f"{'B' if start == first else 'I'}-{name}"
            elif start < last and first < end:
                raise ValueError(f"Token and name overlap: {text!r}")
        tokens.append(text[start:end])
        tags.append(tag)
    return Sentence(text, tuple(tokens), tuple(tags), frame, kind)


def _shuffled(items: list, random: Random) -> list:
    items = list(items)
    for last in range(len(items) - 1, 0, -1):
        other = int(random.random() * (last + 1))
        items[last], items[other] = items[other], items[last]
    return items

"""Generated film reviews in which word order decides, from templates written here.

A sentence of opinion comes from a template (`reviews_grammar.py`) with a given outcome,
positive or negative: plain ("the plot was dull"), negated ("not once did I yawn"),
contrast ("a dull start, but ..."), report ("my sister hated it. She is wrong"),
expectation, comparison, change of mind, question and answer. Or it is one of two
thousand pairs that say the opposite in nearly the same words (`reviews_sentences.txt`:
"the jokes land", "the jokes never land"). Words of praise and blame occur in reviews of
both labels: negated, conceded before a "but", quoted from others, or about something
else. In more than half of the reviews such words are balanced or point to the wrong
label, and logistic regression on tf-idf of words and word pairs stays below 0.80.
Sentences on plot, cast and cinema extend the reviews to two to six sentences; most
training reviews have none, so that training is faster.

Other reviews are a few words, as people type them ("so boring", "NOT BAD!!!", "would
watch again"), from a wide vocabulary of everyday praise and blame
(`reviews_short.txt`). The training part also has short texts without an opinion ("the
film", "hello"), each equally often with both labels, so that their probability should
be near one half.

`test.csv` has unseen sentences of constructions that occur in training. In
`test_novel.csv` either the construction or every pair of construction and polar word is
absent from training; one in twelve of the sentence pairs occurs only there.
`test_handwritten.csv` has sixty handwritten reviews. `test_everyday.csv` has a hundred
inputs of one to twelve words, written without knowledge of the generator, and
`test_everyday_short.csv` those with at most three words. A similar list,
`test_everyday_tuned.csv`, was used to choose the vocabulary of the short reviews.
"""

import hashlib
import re
import shutil
import zlib
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

from data.reviews_grammar import (
    FILLERS,
    HELD_OUT,
    PAIRED,
    PARTICLES,
    PLAIN,
    POLAR,
    RULES,
    UNPAIRED,
)
from data.tables import read_table, write_table

SEED = 20
SIZES = {"train": 72000, "validation": 1000, "test": 2000, "test_novel": 1000}
SHORT = {"train": 0.16, "validation": 0.08, "test": 0.08}  # share of short reviews
NOTHING = 0.03  # share of training without an opinion, each text with both labels
KINDS = {  # shares of the other reviews
    "plain": 0.15,
    "contrast": 0.38,
    "retold": 0.18,
    "reported": 0.10,
    "expected": 0.06,
    "compared": 0.05,
    "changed": 0.05,
    "asked": 0.03,
}
SUPPORT = {0: 0.84, 1: 0.09, 2: 0.05, 3: 0.02}  # supporting sentences per review: share
ASIDES = 0.04  # share of opinions with "by the way" before them, and after them
CONTRACTED = 0.5  # share of reviews with "didn't" for "did not" etc.
COMMON = 20  # a symbol's n-th template is 1 + n / COMMON times rarer
ENDS = {"": 0.55, ".": 0.22, "!": 0.12, "!!!": 0.06, "...": 0.05}  # of short reviews
LENGTHS = {2: 0.60, 3: 0.25, 4: 0.08, 5: 0.04, 6: 0.03}  # sentences per review: share
TRAINED = {1: 0.50, 2: 0.34, 3: 0.10, 4: 0.03, 5: 0.02, 6: 0.01}  # in training
ABOUT = {  # sentences on plot, cast and cinema: share, share in training
    "neutral": (0.45, 0.30),
    "everyday": (0.45, 0.50),
    "story": (0.1, 0.2),  # with polar words about people and things
}
HERE = Path(__file__).parent
BY_HAND = ("handwritten", "everyday", "everyday_tuned")  # reviews_NAME.csv each
LABELS = {"+": "positive", "-": "negative"}

TEMPLATES = PARTICLES | RULES | FILLERS
QUOTED, BEGUN = re.compile(r'"(\w)'), re.compile(r"([.!?] )(\w)")
ARTICLE = re.compile(r"\ba (?=(?!uniq|unive|use|one |eu)[aeiou]|honest)")
ENDED = re.compile(r"[.!?]\"?(?= )")
SLOT = re.compile(r"\{(-?)(\w+)\}")
PARTICIPLE = (
    r"(?= (never |always |ever |just |only )?"
    r"(\w+ed|\w+en|had|read|made|thought|felt|known|gone|heard|lost|told|come)\b)"
)
SHORT_FORMS = (  # a word to look for, a pattern, its replacement
    (
        "not",
        r"\b(did|do|does|was|were|is|are|could|would|should|had|has|have) not\b",
        r"\1n't",
    ),
    ("cannot", r"\b(can)not\b", r"\1't"),
    ("will not", r"\bwill not\b", "won't"),
    (
        " is ",
        r"(?<!\bof )(?<!\b(?:to|in) )(?<!\b(?:with|from) )(?<!about )"
        r"\b(it|that|what|who|he|she|there) is(?= \w)",
        r"\1's",
    ),
    ("I am", r"\b(I) am(?= \w)", r"\1'm"),
    (" have", rf"\b(I|we|you|they) have{PARTICIPLE}", r"\1've"),
    (" had", rf"\b(I|we|you|they|he|she) had{PARTICIPLE}", r"\1'd"),
    (" would", r"\b(I|we|you|they|he|she|it) would(?= \w)", r"\1'd"),
    (" will", r"\b(I|you|we|they|it|he|she|that) will(?= \w)", r"\1'll"),
    (" are", r"\b(they|you|we) are(?= \w)", r"\1're"),
    ("let us", r"\blet us(?= \w)", "let's"),
)


@dataclass(frozen=True)
class Template:
    text: str
    signs: str  # outcomes that it can express
    novel: bool
    weight: float


@dataclass(frozen=True)
class Review:
    text: str
    label: str
    kind: str
    core: str  # the sentences that decide
    score: int  # positive minus negative words in the opinion
    constructions: frozenset[str]
    pairs: frozenset[tuple[str, str]]  # construction and polar word


def generate(seed: int = SEED) -> dict[str, list[Review]]:
    """Returns the reviews by part; depends on the seed only, not on Python."""
    parts, seen, constructions, sentences = {}, set(), set(), set()
    for number, (part, size) in enumerate(SIZES.items()):
        random = Random(seed * 100 + number)
        reviews = []
        for pair in _pairs(random, part):
            cores = {review.core for review in pair}
            used = pair[0].constructions | pair[1].constructions
            if part == "train":
                constructions |= used
                sentences |= {s for core in cores for s in sentences_of(core)}
            else:
                known = [sentences.issuperset(sentences_of(core)) for core in cores]
                allowed = part == "test_novel" or used <= constructions
                if seen & cores or any(known) or not allowed:
                    continue
            reviews += pair
            seen |= cores
            if len(reviews) >= size:
                break
        parts[part] = _shuffled(reviews, random)
    return parts


def write(folder: Path) -> None:
    """Writes the files of the data set, in the format of a user's own data."""
    for part, reviews in generate().items():
        rows = [(review.text, review.label) for review in reviews]
        write_table(folder / f"{part}.csv", ("text", "label"), rows)
    for name in BY_HAND:
        shutil.copyfile(HERE / f"reviews_{name}.csv", folder / f"test_{name}.csv")
    rows, _ = read_table(HERE / "reviews_everyday.csv", ("text", "label"))
    short = [row for row in rows if len(row[0].split()) <= 3]
    write_table(folder / "test_everyday_short.csv", ("text", "label"), short)


def version() -> str:
    """A hash of everything that the files are made from."""
    sources = sorted(Path(__file__).parent.glob("reviews*"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes() if source.is_file() else b"")
    return digest.hexdigest()[:12]


def sentences_of(text: str) -> list[str]:
    return re.split(r"[.!?\"]+ ", text.lower().strip('.!?"'))


def count_sentences(text: str) -> int:
    return len(ENDED.findall(text)) + 1


def _pairs(random: Random, part: str) -> Iterator[tuple[Review, Review]]:
    """Yields pairs of reviews of the same kind, one positive and one negative."""
    novel, waiting, decks = part == "test_novel", {}, {}
    novel_rules = [rule for rule in RULES if any(t.novel for t in _templates(rule))]
    while True:
        if part == "train" and random.random() < NOTHING / 2:  # of pairs
            yield _nothing(Writer(random, decks=decks))
            continue
        sign = "+" if random.random() < 0.5 else "-"
        short = random.random() < SHORT.get(part, 0)
        rule, held_out, wanted = _drawn(random, KINDS), False, False
        if short:
            rule, review = "short", _short(Writer(random, decks=decks), sign)
        else:
            if novel and random.random() < 0.5:
                rule = novel_rules[int(random.random() * len(novel_rules))]
                wanted = True
            elif novel:
                held_out = True
            review = _review(random, sign, rule, part, wanted, held_out)
        if review is None:
            continue
        key = rule, wanted
        others = waiting.setdefault((*key, "-" if sign == "+" else "+"), [])
        if others:
            yield others.pop(), review
        else:
            waiting.setdefault((*key, sign), []).append(review)


def _drawn(random: Random, shares: dict):
    """Draws a key with the probability `shares[key]`."""
    draw = random.random()
    for key, share in shares.items():
        draw -= share
        if draw < 0:
            return key
    return key


def _review(
    random: Random, sign: str, rule: str, part: str, wanted: bool, held_out: bool
) -> Review | None:
    writer = Writer(random, held_out)
    core = writer.expand(rule, sign, novel=wanted)
    if core is None or (held_out and not writer.pairs):
        return None
    sentences = [core]
    alone = part == "test_novel"
    more = 0 if alone else _drawn(random, SUPPORT)
    for _ in range(min(more, max(LENGTHS) - count_sentences(core))):
        place = int(random.random() * (len(sentences) + 1))
        symbol = "claim" if random.random() < 0.5 else "remark"
        sentences.insert(place, writer.expand(symbol, sign))
    core = ". ".join(sentences)
    about = Writer(random)
    sentences = [_with_asides(sentence, about) for sentence in sentences]
    training = part == "train"
    length = _drawn(random, TRAINED if training else LENGTHS)
    shares = {name: share[training] for name, share in ABOUT.items()}
    for _ in range(length - sum(count_sentences(s) for s in sentences)):
        place = int(random.random() * (len(sentences) + 1))
        sentences.insert(place, about.expand(_drawn(random, shares), sign))
    return Review(
        text=_punctuated(sentences, random.random() < CONTRACTED),
        label=LABELS[sign],
        kind=rule,
        core=core,
        score=writer.score,
        constructions=frozenset(writer.constructions),
        pairs=frozenset(writer.pairs),
    )


def _short(writer: "Writer", sign: str) -> Review:
    core = writer.expand("short", sign)
    return Review(
        text=_as_typed(core, writer.random),
        label=LABELS[sign],
        kind="short",
        core=core,
        score=writer.score,
        constructions=frozenset(writer.constructions),
        pairs=frozenset(writer.pairs),
    )


def _nothing(writer: "Writer") -> tuple[Review, Review]:
    """The same text with both labels: its probability should be near one half."""
    core = writer.expand("nothing", "+")
    text = _as_typed(core, writer.random)
    rest = "nothing", core, 0, frozenset(), frozenset()
    return Review(text, "positive", *rest), Review(text, "negative", *rest)


class Writer:
    """Fills in templates and records which templates and polar words it used.

    Words are drawn at random. The words of short reviews are dealt from `decks`, so
    that none is repeated before all have been used, except the first ones of a list,
    which people type most often.
    """

    def __init__(
        self, random: Random, held_out: bool = False, decks: dict | None = None
    ):
        self.random, self.held_out, self.decks = random, held_out, decks
        self.score, self.used = 0, set()
        self.constructions, self.pairs = set(), set()

    def pick(self, choices):
        return choices[int(self.random.random() * len(choices))]

    def deal(self, symbol: str, sign: str, template: str) -> str:
        """Returns the next word of the deck that the template may use."""
        alone = template == "{short_adj}"  # own deck: nearly all words occur alone
        deck, set_aside = self.decks.setdefault((alone, symbol, sign), []), []
        while True:
            if not deck:
                items = POLAR[symbol][sign == "-"] if symbol in POLAR else PLAIN[symbol]
                often = items[: len(items) // 20]
                deck += _shuffled(items, self.random)
                deck += _shuffled(3 * often, self.random)  # dealt first
            word = deck.pop()
            if word not in self.used and not _held_out(template, word):
                deck += set_aside  # for the next call
                return word
            set_aside.append(word)

    def expand(self, symbol: str, sign: str, novel: bool = False) -> str | None:
        """Returns text for a symbol and outcome, or None if no held-out word fits."""
        choices, weights = _choices(symbol, sign, novel, self.held_out)
        if not choices:
            return None
        template = choices[bisect(weights, self.random.random() * weights[-1])]
        if symbol in RULES:
            self.constructions.add(template)
        text, *slots = _pieces(template)
        for turned, slot, rest in slots:
            inner = sign if not turned else "-" if sign == "+" else "+"
            filling = self._filling(template, slot, inner)
            if filling is None:
                return None
            text += filling + rest
        return text

    def _filling(self, template: str, symbol: str, sign: str) -> str | None:
        if symbol in TEMPLATES:
            return self.expand(symbol, sign)
        dealt = self.decks is not None and symbol.startswith("short_")
        if symbol in PLAIN and not dealt:
            return self.pick(PLAIN[symbol])
        if symbol in PLAIN:
            return self.deal(symbol, "", template)
        if dealt:
            word = self.deal(symbol, sign, template)
        else:
            words = _words(template, symbol, sign, self.held_out)
            word = self.pick(words) if words else None
            if word in self.used:  # avoids "dull and dull"
                words = [word for word in words if word not in self.used]
                word = self.pick(words) if words else None
            if word is None:
                return None
        self.used.add(word)
        self.pairs.add((template, word))
        self.score += 1 if sign == "+" else -1
        return word


def _with_asides(sentence: str, writer: Writer) -> str:
    if writer.random.random() < ASIDES:
        sentence = f"{writer.expand('opener', '+')} {sentence}"
    if writer.random.random() < ASIDES and sentence[-1] not in '!?"':
        sentence = f"{sentence}, {writer.expand('closer', '+')}"
    return sentence


@cache
def _templates(symbol: str) -> tuple[Template, ...]:
    templates = []
    for place, line in enumerate(TEMPLATES[symbol].strip().splitlines()):
        weight, flags, text = re.fullmatch(r"\s*(\d*) ?([*+-]*) ?(.+)", line).groups()
        signs = "+" if "+" in flags else "-" if "-" in flags else "+-"
        rarity = 1 if symbol in PAIRED + UNPAIRED else 1 + place / COMMON
        weight = int(weight or 1) / rarity
        templates.append(Template(text, signs, "*" in flags, weight))
    return tuple(templates)


@cache
def _pieces(template: str) -> tuple[str | tuple[str, str, str], ...]:
    """Splits a template into its first text, and each slot with the text after it."""
    first, *rest = SLOT.split(template)
    return first, *zip(rest[::3], rest[1::3], rest[2::3], strict=True)


@cache
def _choices(
    symbol: str, sign: str, novel: bool, polar: bool
) -> tuple[list[str], list[float]]:
    """Returns templates and their cumulative weights; `polar` leaves out templates
    without a slot for a polar word or a clause."""
    chosen = [t for t in _templates(symbol) if sign in t.signs and t.novel == novel]
    if polar and symbol in RULES:
        slots = POLAR | RULES
        chosen = [t for t in chosen if any(s in slots for _, s in SLOT.findall(t.text))]
    return [t.text for t in chosen], [*accumulate(t.weight for t in chosen)]


@cache
def _words(template: str, symbol: str, sign: str, held_out: bool) -> tuple[str, ...]:
    words = POLAR[symbol][sign == "-"]
    return tuple(word for word in words if _held_out(template, word) == held_out)


def _held_out(template: str, word: str) -> bool:
    """Whether this pair is kept for the novel part; a word alone never is.

    Equivalent templates of short and long reviews count as one construction: "it was
    {short_adj}" and "{it_was} {adj}".
    """
    if re.fullmatch(r"\{short_\w+\}", template):
        return False
    key = template.replace("short_", "").replace("{it_was}", "it was")
    key = key.replace("{it}", "it").replace("{was}", "was")
    return zlib.crc32(f"{key}|{word}".encode()) % HELD_OUT == 0


def _punctuated(sentences: list[str], short_forms: bool) -> str:
    text = " ".join(s if s[-1] in "!?" else f"{s}." for s in sentences)
    text = QUOTED.sub(lambda m: m[0].upper(), text)
    text = ARTICLE.sub("an ", text)
    for word, long, short in SHORT_FORMS if short_forms else ():
        if word in text:  # faster than a substitution that matches nothing
            text = re.sub(long, short, text)
    return text[0].upper() + BEGUN.sub(lambda m: m[1] + m[2].upper(), text[1:])


def _as_typed(text: str, random: Random) -> str:
    """Returns a short text with capitals and punctuation as people type them."""
    text = _punctuated([text], random.random() < CONTRACTED)
    if random.random() < 0.1:
        text = text.replace("'", "")
    if text[-1] == ".":
        text = text[:-1] + _drawn(random, ENDS)
    case = random.random()
    return text.lower() if case < 0.5 else text.upper() if case < 0.57 else text


def _shuffled(items: list, random: Random) -> list:
    items = list(items)
    for last in range(len(items) - 1, 0, -1):
        other = int(random.random() * (last + 1))
        items[last], items[other] = items[other], items[last]
    return items

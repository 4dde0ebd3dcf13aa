"""Sentences with gaps, as in a textbook: which of its, it's, then, than, a, an, is,
are, was, were belongs in each? Made offline from the prose of `pydocs`.

In each sentence these words are replaced by `___`, and the tag of such a token is the
word that was there, in lower case. All other tokens have the tag `_`, which means no
label. Sentences without a gap and those of over 40 tokens are left out. The words keep
their natural frequencies, so `a` is 200 times as frequent as `it's`. The parts are
those of `pydocs`, split by module.

A sentence is split at spaces, and each punctuation mark is a token; ' . , - between
letters or digits belong to a word. English short forms are two tokens, `do n't`, `we
'll`, except `it's`. A word in upper case is replaced only where a sentence begins: in
"the matrix A", A is no article.

As `pydocs`, the text depends on the installed versions and must not be redistributed.
"""

import hashlib
import json
import re
import tempfile
from collections import Counter
from pathlib import Path

from data import pydocs, tagged
from data.parts import PARTS
from data.tagged import NO_LABEL, Sentence

WORDS = ("its", "it's", "then", "than", "a", "an", "is", "are", "was", "were")
GAP = "___"
MAX_LENGTH = 40  # tokens of a sentence

TOKEN = re.compile(r"\w+(?:[-.,']\w+)*|\S")
SHORT_FORM = re.compile(r"(.*\w)(n't|'(?:s|m|d|re|ve|ll))", re.IGNORECASE)


def write(folder: Path) -> None:
    """Writes `train.conll` ..., and `about.json` with the counts of each word."""
    counts = {}
    with tempfile.TemporaryDirectory() as place:
        pydocs.write(Path(place))
        for part in PARTS:
            lines = (Path(place) / f"{part}.txt").read_text("utf-8").splitlines()
            sentences = [s for line in lines if (s := with_gaps(tokenize(line)))]
            tagged.write_tagged(folder / f"{part}.conll", sentences)
            tags = Counter(tag for _, tags in sentences for tag in tags)
            counts[part] = {"sentences": len(sentences), "tokens": tags.total()}
            counts[part] |= {word: tags[word] for word in WORDS}
    (folder / "about.json").write_text(json.dumps(counts, indent=1), encoding="utf-8")


def version() -> str:
    """That of `pydocs`, and a hash of the code."""
    digest = hashlib.sha256(pydocs.version().encode())
    for code in (__file__, tagged.__file__):
        digest.update(Path(code).read_bytes())
    return f"{pydocs.version().partition('-')[0]}-{digest.hexdigest()[:12]}"


def tokenize(sentence: str) -> list[str]:
    """`"It's one we don't use."` -> `["It's", "one", "we", "do", "n't", "use", "."]`"""
    tokens = []
    for word in TOKEN.findall(sentence):
        short = SHORT_FORM.fullmatch(word)
        tokens += short.groups() if short and word.lower() not in WORDS else [word]
    return tokens


def with_gaps(tokens: list[str]) -> Sentence | None:
    """The sentence with gaps; `None` if it has none or is too long."""
    begin = next((place for place, word in enumerate(tokens) if word[0].isalnum()), 0)
    tags = [NO_LABEL] * len(tokens)
    for place, word in enumerate(tokens):
        if word in WORDS or (place == begin and word.lower() in WORDS):
            tags[place] = word.lower()
    if len(tokens) > MAX_LENGTH or set(tags) == {NO_LABEL}:
        return None
    pairs = zip(tokens, tags, strict=True)
    return Sentence([word if tag == NO_LABEL else GAP for word, tag in pairs], tags)

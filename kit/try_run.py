"""``make try RECIPE=name [RUN=folder] [TEXT="..."]``: answers from an exported model.

The SavedModel is called through plain TensorFlow, as a server would. Its signatures
decide what is shown:

- `word_by_word`: the probability of the answer after each word;
- `tokens`: the text with its entities in brackets, if the tags are in IOB2, and each
  token with its tag, in IOB2 those of entities and those that are in doubt;
- `align`: for each written token, the source token with the largest attention weight;
- a `prompt` and a `length` as inputs: a continuation, printed piece by piece;
- `analogy`: the nearest words of a word, or the answer to `man : king :: woman`;
- `coding`: a piece that continues the first notes, written to a MIDI file;
- otherwise the outputs of `serving_default`.
"""

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from data.errors import one_line_errors
from kit.publish import export_of

BAR, WORD, WORDS = 24, 20, 60  # columns per bar and word; words shown of a text
DOUBT = 0.9  # tags of a smaller probability are shown even outside of entities
PIECES, PIECE = 16, 25  # of a continued text; tokens per piece
SETTINGS = {"temperature": 0.7, "top_k": 0, "top_p": 1.0, "beam": 5, "k": 8}
MUSIC, PIECE_QUARTERS = {"temperature": 1.0, "top_p": 0.95}, 64  # of compositions


def load_export(folder: Path):
    """The SavedModel in a folder, by TensorFlow alone and without its log."""
    # Failures raise exceptions; TensorFlow also logs hints about kernels as errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Without Keras and JAX, which TensorFlow imports if it can, it starts sooner.
    hidden = [name for name in ("keras", "jax") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    errors, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # some lines ignore the log level
    try:
        import tensorflow as tf

        return tf.saved_model.load(str(folder))
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(nowhere)
        for name in hidden:
            del sys.modules[name]


def load(folder: Path) -> Callable[[str], Iterator[str]]:
    """Loads a SavedModel; returns a function that answers a text, piece by piece."""
    model = load_export(folder)
    import tensorflow as tf

    serve = model.signatures["serving_default"]
    inputs = serve.structured_input_signature[1]

    # The functions refer to `model`, because its tables live only as long as it.
    def answer(text: str) -> Iterator[str]:
        rows = {name: [SETTINGS.get(name, text.strip())] for name in inputs}
        outputs = serve(**{name: tf.constant(row) for name, row in rows.items()})
        outputs = {name: value.numpy() for name, value in outputs.items()}
        if "word_by_word" not in model.signatures:
            yield "\n".join(f"{k}: {_text(v[0])}" for k, v in sorted(outputs.items()))
            if "align" in model.signatures:
                aligned = model.signatures["align"](text=tf.constant([text.strip()]))
                yield most_attended(**{n: v[0].numpy() for n, v in aligned.items()})
            return
        label = outputs["label"][0]
        place = model.signatures["labels"]()["labels"].numpy().tolist().index(label)
        steps = model.signatures["word_by_word"](text=tf.constant(text))
        words = [_text(word) for word in steps["words"].numpy()]
        bars = words_and_bars(words, steps["probabilities"].numpy()[:, place])
        yield (
            f"{_text(label)} {outputs['probabilities'][0, place]:.3f}\n{bars}".rstrip()
        )

    def tag(text: str) -> Iterator[str]:
        from data.tagged import is_bio
        from tasks.taggers import bracketed, spans

        given = serve(text=tf.constant([text.strip()]))
        tokens, tags, shares = (
            given[name][0].numpy() for name in ("tokens", "tags", "probabilities")
        )
        tokens, tags = [*map(_text, tokens)], [*map(_text, tags)]
        labels = model.signatures["labels"]()["labels"].numpy()
        rows, lines = [*zip(tokens, shares, tags, strict=True)], []
        if is_bio(map(_text, labels)):
            found = bracketed(tokens, tags, bio=True)
            lines.append(found if spans(tags) else "no entity found")
            rows = [row for row in rows if row[2] != "O" or row[1] < DOUBT]
        if rows:
            lines.append(words_and_bars(*map(list, zip(*rows, strict=True))))
        yield "\n".join(lines) or "no word found"

    def near(text: str) -> Iterator[str]:
        parts = [part.strip() for part in text.replace("::", ":").split(":")]
        if len(parts) not in (1, 3):
            yield "expected a word, or a : b :: c"
            return
        ask = model.signatures["nearest" if len(parts) == 1 else "analogy"]
        names = ["word"] if len(parts) == 1 else ["a", "b", "c"]
        rows = {n: tf.constant([part]) for n, part in zip(names, parts, strict=True)}
        nearest = ask(k=tf.constant([SETTINGS["k"]]), **rows)
        words = [_text(word) for word in nearest["words"].numpy()[0] if word]
        yield words_and_bars(words, nearest["cosines"].numpy()[0][: len(words)]) or (
            "not in the vocabulary: " + ", ".join(unknown(parts))
        )

    def unknown(words: list[str]) -> list[str]:
        vectors = model.signatures["embed"](word=tf.constant(words))["vectors"].numpy()
        return [w for w, row in zip(words, vectors, strict=True) if row[0] != row[0]]

    def continue_text(text: str) -> Iterator[str]:
        yield text
        for seed in range(PIECES):
            settings = {"length": PIECE, "seed": seed, **SETTINGS}
            rows = {
                name: tf.constant([text if name == "prompt" else settings[name]])
                for name in inputs
            }
            piece = _text(serve(**rows)["text"].numpy()[0])
            text += piece
            yield piece

    def compose(text: str) -> Iterator[str]:
        from tasks import music_files

        coding = {k: v.numpy() for k, v in model.signatures["coding"]().items()}
        length = PIECE_QUARTERS * int(coding["quarter"])
        settings = {"first": text, "length": length, "seed": 0, **SETTINGS, **MUSIC}
        rows = {name: tf.constant([settings[name]]) for name in inputs}
        try:
            notes = serve(**rows)["notes"].numpy()[0]
        except tf.errors.InvalidArgumentError as error:
            yield re.search(r"expected a key or notes[^\]]*", str(error))[0]
            return
        yield music_files.write_answer(text, notes, coding)

    if "coding" in model.signatures:
        return compose
    if "analogy" in model.signatures:
        return near
    if "tokens" in model.signatures:
        return tag
    return continue_text if {"prompt", "length"} <= inputs.keys() else answer


def words_and_bars(words: list[str], probabilities: list[float], tags=None) -> str:
    """One line per word, with its probability as a number and as a bar.

    `tags`, if given, stand between the word and its probability.
    """
    column = min(WORD, max(map(_width, words), default=0))
    room = max(map(_width, tags or ()), default=0)
    tags = [f"{tag}{' ' * (room - _width(tag))}  " for tag in tags or ()]
    lines = []
    rows = zip(words, probabilities, tags or [""] * len(words), strict=True)
    for word, p, tag in list(rows)[:WORDS]:
        while _width(word) > column:
            word = word.rstrip("…")[:-1] + "…"
        eighths = round(float(p) * BAR * 8)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]
        word += " " * (column - _width(word))
        lines.append(f"  {word}  {tag}{p:.3f} {bar}".rstrip())
    more = len(words) - WORDS
    return "\n".join([*lines, f"  ... and {more} more words"] if more > 0 else lines)


def most_attended(tokens, translation, weights) -> str:
    """One line per written token, with its largest attention weight and that token."""
    written = [_text(token) for token in translation if token]
    column = max(map(_width, written), default=0)
    lines = []
    for token, row in zip(written, weights, strict=False):
        place = int(row.argmax())
        pad = " " * (column - _width(token))
        source = _text(tokens[place]).replace(" ", "␣")  # a token may be a space
        lines.append(f"\n  {token}{pad}  {row[place]:.2f}  {source}")
    return "".join(lines)


def _width(text: str) -> int:
    """Width in a terminal: two columns per wide character, none per combining mark."""
    shown = [c for c in text if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    return len(shown) + sum(unicodedata.east_asian_width(c) in "WF" for c in shown)


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def show(pieces: Iterator[str]) -> None:
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def main(recipe: str, run: Path | None = None, text: str | None = None) -> None:
    """Answers TEXT, or each typed line, with the export of RUN or of the newest run."""
    sys.stdin.reconfigure(errors="replace")
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (arrow keys and history in `input`)
    folder = export_of(recipe, run)
    answer = load(folder)
    if text is not None:
        show(answer(text))
        return
    prompt = "> " if sys.stdin.isatty() else ""
    print(f"{folder}: type a line; Ctrl-D ends\n" if prompt else "", end="")
    with contextlib.suppress(EOFError):
        while True:
            if (line := input(prompt)).strip():
                show(answer(line))
    print(end="\n" if prompt else "")


if __name__ == "__main__":
    import tyro

    with one_line_errors():
        tyro.cli(main, config=(tyro.conf.PositionalRequiredArgs,))

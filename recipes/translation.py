"""Sentences into another language, dates into ISO, sums into answers (many-to-many).

    make translation                                 # dates in 39 languages, offline
    make translation DATA=addition
    make translation DATA=multi30k ARGS="--unit word --epochs 12"
    make translation DATA=mine.tsv ARGS="--unit subword --backward"
    make try RECIPE=translation                      # type a sentence

Data     Pairs: a TSV file (source, tab, target; 5 % are split off for test and for
         validation, by source), a folder with `train.tsv`, `validation.tsv` and
         `test.tsv`, or one with a file a language: `train.de`, `train.en` ...
Model    A bidirectional LSTM reads the source. The decoder, an LSTM, writes the target
         token by token, and before each looks back at the source (attention). `--model`
         has what came before it: `plain` gets the encoder's last state, `reverse` that
         of the source backwards, `peeky` sees that state at every step.
Writes   runs/translation/<UTC time>/: report.html with the alignments, metrics.json,
         samples.txt, and saved_model/1/: `serving_default` translates a batch, `align`
         shows what each word looked at.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from custom_layers.attention import (
    AttentionDecoder,
    BahdanauAttention,
    LuongAttention,
)
from custom_layers.decoding import beam_search, generate
from custom_layers.lstm import LSTM, LSTMCell
from custom_layers.pieces import cut_word, join_pieces
from custom_layers.words import join, tokenize
from kit.machine import use_xla
from kit.resume import Checkpoint
from kit.run import Run, command


@dataclass(frozen=True)
class Config:
    data: str = "dates"  # a name (dates, addition, multi30k) or a path
    test_data: str = ""  # path of a test file; without: split off, or the folder's
    seed: int = 0  # of the first weights, the order of batches, dropout, the split
    epochs: int = 3  # passes over the training part
    backward: bool = False  # from the second column to the first
    model: Literal["plain", "reverse", "peeky", "attention"] = "attention"
    attention: Literal["bahdanau", "dot", "general"] = "bahdanau"
    unit: Literal["char", "word", "subword"] = "char"  # what a text is cut into
    max_vocab: int = 8000  # most frequent tokens of each side; the rest is unknown
    max_tokens: int = 60  # longer pairs are left out of training
    units: int = 128  # width of the states, in each direction
    layers: int = 1  # recurrent layers of each side; from the third on, residual
    dropout: float = 0.2  # share dropped of vectors and outputs, in training
    learning_rate: float = 5e-3  # after 200 steps; from there along a cosine to zero


PADDING, UNKNOWN, START, END = 0, 1, 2, 3  # the first ids
VECTOR = 128  # numbers a token
BATCH = 64  # pairs a step
SMOOTHING = 0.1  # share of the target's probability that all tokens get
SMOKE = {"epochs": 1, "units": 16}  # instead, under --smoke


# 1. Text to numbers ------------------------------------------------------------------


def split(text: str, vocabulary: dict) -> list[int]:
    """Ids of a text's characters, words or pieces, by `vocabulary`: its `unit`, and
    `ids`, from tokens to ids."""
    ids = vocabulary["ids"]
    if vocabulary["unit"] == "char":
        return [ids.get(character, UNKNOWN) for character in text]
    if vocabulary["unit"] == "word":
        return [ids.get(word, UNKNOWN) for word in tokenize(text)]
    pieces = (cut_word(word, ids) or [UNKNOWN] for word in tokenize(text))
    return [piece for word in pieces for piece in word]


def text_of(tokens: list[str], unit: str) -> str:
    """The text of tokens: what `split` would cut into them."""
    if unit == "char":
        return "".join(tokens)
    return join(join_pieces(tokens) if unit == "subword" else tokens)


def count_tokens(texts: list[str], unit: str, most: int) -> list[str]:
    """The most frequent tokens of texts; pieces of words as keras-nlp finds them."""
    if unit == "subword":
        from keras_nlp.tokenizers import compute_word_piece_vocabulary

        raise NotImplementedError(compute_word_piece_vocabulary)
    counts = Counter(
        token for text in texts for token in (text if unit == "char" else tokenize(text))
    )
    # Equal counts in the order of the alphabet: the same data, the same ids.
    order = sorted(counts, key=lambda token: (-counts[token], token))
    least = 1 if unit == "char" else 2
    return [token for token in order[:most] if counts[token] >= least]


# 2. The network ----------------------------------------------------------------------


def build_models(config: Config, source_vocab: int, target_vocab: int):
    """The encoder, the decoder, and both as one for training.

    encoder: ids `int32 [batch, source]` -> memory `[batch, source, 2 * units]`, and
        the states with which the decoder begins, `[batch, units]` each.
    decoder: ids `[batch, time]`, memory, its mask `[batch, source]`, states -> logits
        `[batch, time, vocab]` of the next id each, weights `[batch, time, source]` of
        what it looked at, states.
    whole: source ids, target ids -> logits.
    """
    ids = layers.Input([None], dtype="int32", name="source")
    real = ops.not_equal(ids, PADDING)
    x = layers.Embedding(source_vocab, VECTOR, name="source_vectors")(ids)
    x = layers.Dropout(config.dropout)(x)
    both = layers.Bidirectional(
        LSTM(config.units, return_sequences=True, return_state=True), name="reader"
    )
    memory, *last = both(x, mask=real)
    ends = [layers.concatenate([last[i], last[i + 2]]) for i in (0, 1)]
    first = [layers.Dense(config.units, "tanh")(end) for end in ends]
    encoder = keras.Model(ids, [memory, *first], name="encoder")

    attention = {
        "bahdanau": lambda: BahdanauAttention(config.units),
        "dot": lambda: LuongAttention("dot"),
        "general": lambda: LuongAttention("general"),
    }[config.attention]()
    before = config.attention == "bahdanau"
    target = layers.Input([None], dtype="int32", name="target")
    seen = layers.Input([None, 2 * config.units], name="memory")
    mask = layers.Input([None], dtype="bool", name="mask")
    states = [layers.Input([config.units]) for _ in range(2)]
    y = layers.Embedding(target_vocab, VECTOR, name="target_vectors")(target)
    y = layers.Dropout(config.dropout)(y)
    writer = AttentionDecoder(
        LSTMCell(config.units),
        attention,
        attend="before" if before else "after",
        units=config.units,
        name="writer",
    )
    y, weights, *after = writer(y, seen, memory_mask=mask, initial_state=states)
    y = layers.Dropout(config.dropout)(y)
    logits = layers.Dense(target_vocab, dtype="float32", name="logits")(y)
    decoder = keras.Model(
        [target, seen, mask, *states], [logits, weights, *after], name="decoder"
    )
    logits, *_ = decoder([target, memory, real, *first])
    return encoder, decoder, keras.Model([ids, target], logits, name="translation")


# 3. The task: translate --------------------------------------------------------------


def translate(encoder, decoder, ids, length: int, beams: int = 1):
    """Ids `int32 [batch, length]`, END after each row's end, of source ids
    `[batch, source]`: greedy, or the best that a search of `beams` texts finds."""
    memory, *states = encoder(ids)
    mask = ops.not_equal(ids, PADDING)
    if beams > 1:  # each beam looks at its row's memory
        memory, mask = (ops.repeat(x, beams, axis=0) for x in (memory, mask))

    def step(token, states):
        logits, _, *states = decoder([token[:, None], memory, mask, *states])
        return logits[:, 0], states

    start = ops.full(ops.shape(ids)[:1], START, "int32")
    banned = np.arange(decoder.output[0].shape[-1]) < END  # all but END and tokens
    if beams == 1:
        return generate(
            step, start, states, length, temperature=0, banned=banned, end=END
        )
    found, _ = beam_search(step, start, states, length, beams, END, banned=banned)
    return found[:, 0]

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

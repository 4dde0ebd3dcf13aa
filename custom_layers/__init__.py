"""Recurrent cells, fast recurrent layers and decoding for Keras 3, in `keras.ops`."""

from .decoding import beam_search, choose, generate, uniform
from .gru import GRU, GRUCell
from .lstm import LSTM, LSTMCell
from .simple_rnn import SimpleRNN, SimpleRNNCell
from .tied_embedding import TiedEmbedding

__all__ = [
    "GRU",
    "LSTM",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "TiedEmbedding",
    "beam_search",
    "choose",
    "generate",
    "uniform",
]

"""Sequence layers, decoding and negative sampling for Keras 3, in `keras.ops`."""

from .attention import AttentionDecoder, BahdanauAttention, LuongAttention
from .crf import CRF, CRFLoss, bio_forbidden
from .decoding import beam_search, choose, generate, uniform
from .gru import GRU, GRUCell
from .lstm import LSTM, LSTMCell
from .negative_sampling import NegativeSampling, UnigramSampler
from .self_attention import SelfAttention, sinusoidal_positions
from .simple_rnn import SimpleRNN, SimpleRNNCell
from .tied_embedding import TiedEmbedding

__all__ = [
    "CRF",
    "GRU",
    "LSTM",
    "AttentionDecoder",
    "BahdanauAttention",
    "CRFLoss",
    "GRUCell",
    "LSTMCell",
    "LuongAttention",
    "NegativeSampling",
    "SelfAttention",
    "SimpleRNN",
    "SimpleRNNCell",
    "TiedEmbedding",
    "UnigramSampler",
    "beam_search",
    "bio_forbidden",
    "choose",
    "generate",
    "sinusoidal_positions",
    "uniform",
]

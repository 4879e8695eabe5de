"""Neural networks: layers, initialisers, optimisers, and the files that hold their state.

Imports ``tensor`` and everything below it. A model is any object that holds layers and tensors in
its attributes and is called like a function; ``nn.state`` finds its tensors. Layers stand one
concept a module; ``optim`` holds optimisers and schedules, ``state`` the dictionaries and files.
"""

from tilegrad.nn import init, optim, state
from tilegrad.nn.attention import MultiheadAttention, TransformerEncoderLayer
from tilegrad.nn.clipping import clip_grad_norm_, clip_grad_value_
from tilegrad.nn.container import Dropout, Flatten, Identity, Sequential
from tilegrad.nn.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from tilegrad.nn.embedding import Embedding
from tilegrad.nn.function import (
    ELU,
    GELU,
    AvgPool2d,
    Hardswish,
    LeakyReLU,
    LogSoftmax,
    MaxPool2d,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tilegrad.nn.linear import Bilinear, Linear
from tilegrad.nn.module import Module
from tilegrad.nn.normalisation import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LayerNorm2d,
    RMSNorm,
)
from tilegrad.nn.recurrent import GRU, LSTM, RNN
from tilegrad.nn.recurrent_cell import GRUCell, LSTMCell, RNNCell

__all__ = [
    "init",
    "optim",
    "state",
    "Module",
    "Linear",
    "Bilinear",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "BatchNorm",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LayerNorm",
    "LayerNorm2d",
    "RMSNorm",
    "GroupNorm",
    "InstanceNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "Embedding",
    "RNN",
    "LSTM",
    "GRU",
    "RNNCell",
    "LSTMCell",
    "GRUCell",
    "MultiheadAttention",
    "TransformerEncoderLayer",
    "Sequential",
    "Dropout",
    "Flatten",
    "Identity",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Hardswish",
    "Softmax",
    "LogSoftmax",
    "MaxPool2d",
    "AvgPool2d",
    "clip_grad_norm_",
    "clip_grad_value_",
]

"""Optimisers and schedules of their learning rates."""

from tilegrad.nn.optim import lr_scheduler
from tilegrad.nn.optim.adam import Adam, AdamW
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lamb import LAMB
from tilegrad.nn.optim.lion import Lion
from tilegrad.nn.optim.muon import Muon
from tilegrad.nn.optim.root_mean_square import Adagrad, RMSprop
from tilegrad.nn.optim.sgd import SGD

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "LAMB",
    "Lion",
    "Muon",
    "Optimizer",
    "OptimizerGroup",
    "RMSprop",
    "SGD",
    "lr_scheduler",
]

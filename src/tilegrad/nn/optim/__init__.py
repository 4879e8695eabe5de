"""Optimisers and schedules of their learning rates."""

from tilegrad.nn.optim import lr_scheduler
from tilegrad.nn.optim.adam import Adam, AdamW
from tilegrad.nn.optim.adamax import Adamax
from tilegrad.nn.optim.base import Optimizer, OptimizerGroup
from tilegrad.nn.optim.lamb import LAMB
from tilegrad.nn.optim.lion import Lion
from tilegrad.nn.optim.muon import Muon
from tilegrad.nn.optim.radam import RAdam
from tilegrad.nn.optim.root_mean_square import Adadelta, Adagrad, RMSprop
from tilegrad.nn.optim.sgd import SGD

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LAMB",
    "Lion",
    "Muon",
    "Optimizer",
    "OptimizerGroup",
    "RAdam",
    "RMSprop",
    "SGD",
    "lr_scheduler",
]

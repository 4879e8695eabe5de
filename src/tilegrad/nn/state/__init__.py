"""The state of a model: dictionaries of tensors, and the files that hold them."""

from tilegrad.nn.state.dictionary import get_parameters, get_state_dict, load_state_dict
from tilegrad.nn.state.safetensors_files import safe_load, safe_load_metadata, safe_save
from tilegrad.nn.state.torch_files import torch_load

__all__ = [
    "get_parameters",
    "get_state_dict",
    "load_state_dict",
    "safe_load",
    "safe_load_metadata",
    "safe_save",
    "torch_load",
]

"""Kernels written by hand in the tile language, to learn from and to measure the compiler against.

Each module holds one kernel, or one with its gradient, and reads on its own; ``rows`` is the place
to begin. The compiler derives kernels of the same form from the formulas in the docstrings.
"""

from tilegrad.apps.kernels.attention import flash_attention
from tilegrad.apps.kernels.matmul import matmul
from tilegrad.apps.kernels.perceptron import perceptron
from tilegrad.apps.kernels.quantised import quantise, quantised_matmul
from tilegrad.apps.kernels.rows import layer_norm, softmax, softmax_backward
from tilegrad.apps.kernels.scan import running_sum
from tilegrad.apps.kernels.selection import top_k

__all__ = [
    "flash_attention",
    "layer_norm",
    "matmul",
    "perceptron",
    "quantise",
    "quantised_matmul",
    "running_sum",
    "softmax",
    "softmax_backward",
    "top_k",
]

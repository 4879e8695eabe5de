"""The public tensor: lazy values, checked at once and computed when they are needed.

Imports ``engine`` and everything below it. Enter at ``tensor``, the class itself. Its methods
stand in a chain of base classes, one concept a module, each knowing those before it. In reading
order:

* What they share: ``arguments``, ``size`` (symbolic integers), ``nodes`` (builders of graphs),
  ``broadcasting``, and ``base``, what a tensor holds.
* Computing: ``casting``, ``arithmetic``, ``comparison``, ``functions`` (``powers``), ``movement``,
  ``reduction``, ``statistics``, ``contraction``, ``einsum``, ``joining``, ``padding``,
  ``convolution`` and ``pooling`` (``windows``, ``pooling_windows``), ``softmax``, ``activation``,
  ``normalisation``, ``classification``, ``loss``.
* Places: ``indexing`` (``index_plan``, ``index_range``) and ``mutation``, ``selection``,
  ``scattering``, ``sorting``, ``cumulative``, ``differences``.
* Random numbers: ``random`` (``generator``) and ``sampling``.
* More of all these: ``interpolation``, ``attention``, ``rearrangement``, ``special_functions``,
  ``folding``, ``distances``, ``margin_loss``, ``quantiles``, ``linear_algebra``, ``placing``,
  ``synonyms``, ``grids``.
* Tensors from elsewhere and to elsewhere: ``creation`` (``counting``), ``conversion``,
  ``display``, ``interchange``.
* Gradients: ``autodiff`` walks graphs (``reverse``) and remembers where realised values came from
  (``history``); ``differentiation`` are methods, ``transforms`` functions of functions of
  ``trees`` of tensors.
* Functions that are compiled whole: ``jit`` (``captured_arguments``, ``bound_step``), and kernels
  by hand: ``kernel`` (``call_gradient``).
"""

from tilegrad.tensor.differentiation import no_grad
from tilegrad.tensor.jit import jit
from tilegrad.tensor.kernel import Kernel, kernel
from tilegrad.tensor.size import SymbolicInteger, Variable
from tilegrad.tensor.tensor import Tensor
from tilegrad.tensor.transforms import (
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

__all__ = [
    "Kernel",
    "SymbolicInteger",
    "Tensor",
    "Variable",
    "checkpoint",
    "grad",
    "hessian",
    "jacobian",
    "jit",
    "jvp",
    "kernel",
    "no_grad",
    "value_and_grad",
    "vjp",
]

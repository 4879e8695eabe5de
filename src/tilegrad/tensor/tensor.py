"""The tensor: all methods together."""

from __future__ import annotations

from tilegrad.ir.dtype import DType
from tilegrad.tensor.arguments import DTypeLike, resolve_device, resolve_dtype
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.conversion import Data, node_of
from tilegrad.tensor.creation import Creation
from tilegrad.tensor.differentiation import Differentiation
from tilegrad.tensor.display import Display
from tilegrad.tensor.grids import Grids
from tilegrad.tensor.interchange import Interchange


class Tensor(Display, Interchange, Differentiation, Grids, Creation):
    """An array whose value is computed when it is needed.

    Args:
        data: a number, nested sequences of numbers, a NumPy array (copied), bytes, or a tensor
            (its value is taken over). None makes an empty one.
        device: where it is held; the session's default device for None.
        dtype: its dtype. By default that of the array; of Python's numbers, bool, int64 or float32.
        requires_grad: whether ``backward`` gives it a gradient.

    Raises:
        ShapeError: nested sequences differ in length.
        ArgumentTypeError: no tensor can be made of the data.
        ArgumentError: an integer does not fit into the dtype.
        DeviceError: there is no such device.

    Example:
        ``(Tensor([[1.0, 2.0], [3.0, 4.0]]) * 2).sum(axis=0).tolist()`` is ``[8.0, 12.0]``.
    """

    __slots__ = ()

    def __init__(
        self,
        data: Data = None,
        device: str | None = None,
        dtype: DTypeLike | None = None,
        requires_grad: bool | None = None,
    ) -> None:
        wanted: DType | None = None if dtype is None else resolve_dtype(dtype)
        if isinstance(data, TensorBase):
            made = self.from_node(data.node, data.device)
            made = made if wanted is None else made.cast(wanted)
            made = made if device is None else made.to(device)
            self.hold(made.node, made.device, requires_grad)
        else:
            name = resolve_device(device)
            self.hold(node_of(data, wanted, name), name, requires_grad)

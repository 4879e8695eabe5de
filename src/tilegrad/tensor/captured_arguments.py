"""The arguments of a captured function: what of them is part of the capture, and what replays take.

Tensors are taken by each replay anew, and so are the values of bound variables. Everything else is
part of the function that was captured: how the arguments are nested, dtypes and shapes, numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from tilegrad.base.errors import CaptureError
from tilegrad.engine.session import Session
from tilegrad.engine.storage import storage_of
from tilegrad.ops.leaves import BufferAttributes, Storage
from tilegrad.tensor.base import TensorBase
from tilegrad.tensor.conversion import realize
from tilegrad.tensor.size import BoundVariable


def sort_arguments(
    session: Session, args: Iterable[object], kwargs: Mapping[str, object]
) -> tuple[list[Hashable], list[TensorBase], dict[str, int]]:
    """Return a call's form, tensors and values of bound variables, as ``_sort`` finds them."""
    form: list[Hashable] = [session.training]
    tensors: list[TensorBase] = []
    symbols: dict[str, int] = {}
    _sort(args, form, tensors, symbols)
    if kwargs:
        _sort((kwargs,), form, tensors, symbols)
    return form, tensors, symbols


def _sort(
    values: Iterable[object],
    form: list[Hashable],
    tensors: list[TensorBase],
    symbols: dict[str, int],
) -> None:
    """Sort the arguments of a call, and what is in them, by how they are treated.

    Args:
        values: the arguments.
        form: takes what is equal for calls that one capture serves: how the arguments are nested,
            and what is known of each.
        tensors: takes the tensors, in order.
        symbols: takes the values of bound variables, by name.
    """
    for value in values:
        if isinstance(value, TensorBase):
            tensors.append(value)
            held = value.held
            if isinstance(held, tuple):
                form.append((held[0].dtype, held[1], value.device))
            else:
                form.append((held.dtype, held.shape, value.device))
        elif isinstance(value, (tuple, list)):
            form.append((type(value), len(value)))
            _sort(value, form, tensors, symbols)
        elif isinstance(value, dict):
            form.append((dict, *value))
            _sort(value.values(), form, tensors, symbols)
        elif isinstance(value, BoundVariable):
            symbols[value.variable.name] = value.value
            form.append(value.variable)
        else:
            form.append(_static_key(value))


def find_storages(tensors: Sequence[TensorBase]) -> list[Storage]:
    """Return the memory of tensors, which are realised if they are not."""
    storages: list[Storage] = []
    for tensor in tensors:
        held = tensor.held
        if isinstance(held, tuple):
            storages.append(held[0])
        elif isinstance(held.attributes, BufferAttributes) and tensor.target is None:
            storages.append(held.attributes.storage)
        else:
            realize(*tensors)
            return [storage_of(tensor.node) for tensor in tensors]
    return storages


def _static_key(leaf: object) -> Hashable:
    try:
        hash(leaf)
    except TypeError as error:
        raise CaptureError(
            "an argument of a captured function is neither a tensor nor hashable",
            got=type(leaf).__name__,
            mend="pass arrays as tensors: Tensor(array)",
        ) from error
    # As text, 0.0 is not -0.0, and NaN is itself.
    return type(leaf), repr(leaf) if isinstance(leaf, float) else leaf

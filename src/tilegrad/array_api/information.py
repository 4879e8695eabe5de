"""What the namespace can do, for programs that ask."""

from __future__ import annotations

from tilegrad.array_api.data_types import KINDS
from tilegrad.base.errors import ArgumentError
from tilegrad.engine import current_session
from tilegrad.ir.dtype import DType
from tilegrad.tensor.arguments import DEFAULT_FLOAT, DEFAULT_INTEGER


class NamespaceInformation:
    """Devices, dtypes and capabilities of the namespace."""

    def capabilities(self) -> dict[str, bool | int | None]:
        """Return whether masks and shapes that depend on contents work; ranks have no limit."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}

    def default_device(self) -> str:
        """Return the name of the device that tensors are made on unless another is named."""
        return current_session().default_device

    def devices(self) -> list[str]:
        """Return the names of the devices."""
        return list(current_session().device_names)

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """Return the dtypes of Python's numbers and of positions, the same on every device."""
        del device
        return {
            "real floating": DEFAULT_FLOAT,
            "integral": DEFAULT_INTEGER,
            "indexing": DEFAULT_INTEGER,
        }

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """Return the dtypes of the standard by name, the same on every device.

        Args:
            device: a device.
            kind: a kind that ``isdtype`` knows, several of them, or None for all.

        Raises:
            ArgumentError: there is no such kind.
        """
        del device
        kinds = ("bool", "numeric") if kind is None else (kind,) if isinstance(kind, str) else kind
        unknown = [name for name in kinds if name not in KINDS]
        if unknown:
            raise ArgumentError("unknown kind of dtype", got=unknown, expected=", ".join(KINDS))
        return {dtype.name: dtype for name in kinds for dtype in KINDS[name]}


def __array_namespace_info__() -> NamespaceInformation:  # noqa: N807 - the standard's name
    """Return what the namespace can do."""
    return NamespaceInformation()

"""Parameters of a kernel that leave its result as it is and may be searched over."""

from __future__ import annotations

from typing import TypeVar, cast

from tilegrad.base.errors import ArgumentError

T = TypeVar("T")


class Choice:
    """The values that a parameter may have, the default first."""

    __slots__ = ("values",)

    def __init__(self, values: tuple[object, ...]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"choice({', '.join(map(repr, self.values))})"


def choice(*values: T) -> T:
    """Return the default of a kernel's keyword parameter that may be searched over.

    Args:
        values: the candidates, the default first; hashable.

    Raises:
        ArgumentError: there is none.

    Example:
        ``def scale(build, x, *, width=choice(64, 16, 256)): ...``
    """
    if not values:
        raise ArgumentError("a choice needs candidates", got="none", expected="at least one value")
    return cast("T", Choice(values))

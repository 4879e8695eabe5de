"""Makes attribute records from the fields that a text gives."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import DType
from tilegrad.ir.op import Op

_CLASSES: dict[str, type] = {"int": int, "bool": bool, "str": str, "DType": DType, "Shape": tuple}


def make_record(op: Op, fields: Mapping[str, object]) -> Hashable:
    """Return the attribute record of an op (None if it has none) with the given fields.

    Raises:
        VerifyError: a field is missing or has a value of another class than it is declared with.
    """
    if op.attributes is None:
        return None
    known: tuple[str, ...] = getattr(op.attributes, "_fields", ())
    defaults: dict[str, object] = getattr(op.attributes, "_field_defaults", {})
    missing = [name for name in known if name not in fields and name not in defaults]
    if missing:
        raise VerifyError(f"{op.name} lacks attributes", expected=", ".join(missing))
    for name, annotation in op.attributes.__annotations__.items():
        declared = str(getattr(annotation, "__forward_arg__", annotation))
        expected = tuple if declared.startswith("tuple[") else _CLASSES.get(declared)
        if name in fields and expected is not None and not _is_a(fields[name], expected):
            raise VerifyError(
                f"the attribute {name} of {op.name} has the wrong type",
                got=repr(fields[name]),
                expected=declared,
            )
    record: Hashable = op.attributes(**fields)
    return record


def _is_a(value: object, expected: type) -> bool:
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))

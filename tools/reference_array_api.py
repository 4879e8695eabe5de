"""The page of the reference about the array API namespace: what is there, what is not, and why.

The tests take what they leave out from the tables here, and check every line of them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from typing import NamedTuple

from tilegrad import array_api
from tilegrad.array_api.data_types import KINDS
from tilegrad.ir.dtype import STORABLE

STRICT = "[array-api-strict](https://data-apis.org/array-api-strict/)"
INTRODUCTION = f"""\
# Array API

`tilegrad.array_api` is the namespace of the [array API standard](https://data-apis.org/array-api/),
version {array_api.__array_api_version__}. A tensor's `x.__array_namespace__()` gives it, and so a
library that is written for the standard takes tensors.

```python
from tilegrad import Tensor


def standardise(x):
    xp = x.__array_namespace__()
    return (x - xp.mean(x, axis=0)) / xp.std(x, axis=0)


print(standardise(Tensor([[1.0, 5.0], [3.0, 9.0]])))
```

```output
Tensor([[-1., -1.],
        [ 1.,  1.]],
       shape=(2, 2), dtype=float32, device='cpu')
```

## How it is tested

The standard's own suite, array-api-tests, is not published as a package, so that a clone of this
project could not run it by its package manager alone. In its place every function is called with
arguments that Hypothesis generates, dtype by dtype, here and in
{STRICT}, an implementation that its authors
keep to the letter: dtypes, shapes and values of the results must agree, on the device `reference`
and compiled. Names, parameters and the way in which they may be passed are compared as well. The
tests read the tables below: what stands here as left out must be missing, and what stands here as
different must be different."""

SKIPPED = {
    "broadcast_shapes": "new in version 2025.12",
    "complex64": "tensors have no complex dtypes",
    "complex128": "tensors have no complex dtypes",
    "conj": "tensors have no complex dtypes",
    "fft": "an optional extension, which needs complex dtypes",
    "imag": "tensors have no complex dtypes",
    "isin": "new in version 2025.12",
    "linalg": "an optional extension; what of it the standard also has at the top is there",
    "real": "tensors have no complex dtypes",
}
"""Names that the standard has and the namespace lacks, and why."""


class Difference(NamedTuple):
    """Something that is otherwise than the standard says.

    Attributes:
        what: what is different, as an expression of a tensor ``x`` where that is possible.
        why: the reason, and what to do.
    """

    what: str
    why: str


DIFFERENCES = (
    Difference(
        "`x.size`",
        "a method, as in PyTorch: `x.size()` is the shape; `x.numel()` counts the elements",
    ),
    Difference(
        '`__array_namespace_info__().default_dtypes()["complex floating"]`',
        "is missing, as tensors have no complex dtypes",
    ),
    Difference(
        "`x.T`",
        "reverses all axes, as in NumPy, where the standard knows it for matrices alone",
    ),
    Difference(
        "`x[i]` with a tensor of positions out of range",
        "reads 0 where the standard leaves open what happens: the positions are not known when the "
        "expression is built",
    ),
    Difference(
        "`asarray(1.5).dtype`",
        "float32, the default floating-point dtype, as the standard allows; "
        "array-api-strict has float64",
    ),
    Difference(
        "dtypes of different kinds",
        "meet by tilegrad's promotion where the standard leaves it open: an integer and a float "
        "give the float, bool and a number the number. `can_cast` keeps to the standard",
    ),
    Difference(
        "functions of real analysis of integers",
        "give float32 where the standard leaves it open",
    ),
    Difference(
        "`copy=True` and `copy=None`",
        "make no difference between tensors: a tensor is a value, and writing to one never changes "
        "another",
    ),
)
"""Where the namespace or the tensor is otherwise, or decides what the standard leaves open."""


def list_functions() -> Iterator[tuple[str, list[str]]]:
    """Yield the first line about each module of the namespace, and the names that it gives."""
    package = array_api.__name__
    modules: dict[str, list[str]] = {}
    homes = _find_homes()
    for name in array_api.__all__:
        if not name.startswith("__"):
            modules.setdefault(homes.get(name, "data_types"), []).append(name)
    for module, names in modules.items():
        document = inspect.getdoc(importlib.import_module(f"{package}.{module}")) or ""
        yield document.partition("\n")[0].rstrip("."), sorted(names)


def _find_homes() -> dict[str, str]:
    """Return the module from which the namespace takes each name."""
    tree = ast.parse(inspect.getsource(array_api))
    return {
        alias.name: (node.module or "").rpartition(".")[2]
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def describe_array_api() -> Iterator[str]:
    """Yield the lines of the page."""
    yield INTRODUCTION
    yield ""
    yield "## What is there"
    for chapter, names in list_functions():
        yield ""
        yield f"{chapter}: {', '.join(f'`{name}`' for name in names)}."
    yield ""
    yield "## What is left out"
    yield ""
    yield "| name | why |"
    yield "| --- | --- |"
    for name, why in SKIPPED.items():
        yield f"| `{name}` | {why} |"
    yield ""
    yield "## What is different"
    yield ""
    yield "| what | how and why |"
    yield "| --- | --- |"
    for difference in DIFFERENCES:
        yield f"| {difference.what} | {difference.why} |"
    standard = {dtype for dtypes in KINDS.values() for dtype in dtypes}
    others = [dtype.name for dtype in STORABLE if dtype not in standard]
    yield ""
    yield (
        f"Tensors also have the dtypes {', '.join(f'`{name}`' for name in others)}, which the "
        "standard does not know. The functions take them."
    )

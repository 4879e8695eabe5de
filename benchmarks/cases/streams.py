"""What memory bounds: elementwise chains, reductions, rearrangements, running sums and sorting."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.cases.case import Case, captured_call, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array

SIZES = {"64 Ki": 1 << 16, "16 Mi": 1 << 24}
SQUARE, CUBE, IMAGES = (4096, 4096), (64, 512, 512), (32, 64, 56, 56)
VOCABULARY, WIDTH, TOKENS = 50_000, 768, 4096
Function = Callable[..., Array]


def chain(library: Library, a: Array, b: Array) -> Array:
    return library.maximum(a * b + a, 0) - b


ELEMENTWISE: tuple[tuple[str, str, Function, int], ...] = (
    ("chain", "max(a·b + a, 0) - b", chain, 2),
    ("exp", "exp", lambda library, a: library.exp(a), 1),
    ("tanh", "tanh", lambda library, a: library.tanh(a), 1),
    ("gelu", "GELU", lambda library, a: library.gelu(a), 1),
)


def stream(
    name: str,
    title: str,
    function: Function,
    *shapes: tuple[int, ...],
    work: float,
    written: float = 0.0,
) -> Case:
    """Return a case of float32 arrays whose work is in bytes, and how many it writes."""
    return Case(
        name=name,
        group="streams",
        title=title,
        prepare=captured_call(function, *shapes),
        work=(work, "B"),
        written=written,
        is_quick=name == "chain-64k",
    )


def count(shape: tuple[int, ...]) -> float:
    """Return the bytes of a float32 array."""
    size = 4.0
    for extent in shape:
        size *= extent
    return size


def words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def elementwise() -> list[Case]:
    return [
        stream(
            f"{name}-{size >> 10}k",
            f"{title}, {text} elements",
            function,
            *((size,),) * arrays,
            work=4.0 * size * (arrays + 1),
            written=4.0 * size,
        )
        for text, size in SIZES.items()
        for name, title, function, arrays in ELEMENTWISE
    ]


def reductions() -> list[Case]:
    cases = [
        stream(
            f"sum-{size >> 10}k",
            f"sum of {text} elements",
            lambda library, a: library.sum(a),
            (size,),
            work=4.0 * size,
        )
        for text, size in SIZES.items()
    ]
    for shape in (SQUARE, CUBE, IMAGES):
        for axis in range(len(shape)):
            name = f"{len(shape)}d-{axis}"
            cases.append(
                stream(
                    f"sum-{name}",
                    f"sum of {words(shape)} along axis {axis}",
                    lambda library, a, axis=axis: library.sum(a, axis),
                    shape,
                    work=count(shape),
                )
            )
        cases.append(
            stream(
                f"max-{len(shape)}d-0",
                f"maximum of {words(shape)} along axis 0",
                lambda library, a: library.amax(a, 0),
                shape,
                work=count(shape),
            )
        )
    return cases


ORDERS = {
    SQUARE: ((1, 0),),
    CUBE: ((0, 2, 1), (1, 0, 2), (2, 0, 1), (2, 1, 0)),
    IMAGES: ((0, 2, 3, 1), (0, 2, 1, 3), (3, 2, 1, 0)),
    (1 << 20, 4): ((1, 0),),
}


def rearrangements() -> list[Case]:
    cases = [
        stream(
            f"permute-{words(shape)}-{''.join(map(str, order))}",
            f"{words(shape)} with the axes in the order {order}",
            lambda library, a, order=order: library.copy(library.permute(a, order)),
            shape,
            work=2 * count(shape),
            written=count(shape),
        )
        for shape, orders in ORDERS.items()
        for order in orders
    ]
    cases += [
        stream(
            f"concatenate-{axis}",
            f"two arrays 64×64×1024 one after the other along axis {axis}",
            lambda library, a, b, axis=axis: library.concatenate((a, b), axis),
            (64, 64, 1024),
            (64, 64, 1024),
            work=4 * count((64, 64, 1024)),
            written=2 * count((64, 64, 1024)),
        )
        for axis in range(3)
    ]
    return cases


def argsort_call(shape: tuple[int, ...]) -> Callable[[Library], Callable[[], Array]]:
    """Return what prepares the order of numbers that are all different: there is only one."""

    def prepare(library: Library) -> Callable[[], Array]:
        numbers = make_generator().permutation(math.prod(shape)).astype("float32")
        array = library.array(numbers.reshape(shape))
        run = library.capture(library.argsort)
        return lambda: run(array)

    return prepare


def embed(library: Library) -> Callable[[], Array]:
    """Prepare the rows of a table that tokens choose."""
    generator = make_generator()
    table = library.array(generator.standard_normal((VOCABULARY, WIDTH), dtype="float32"))
    tokens = library.array(generator.integers(0, VOCABULARY, TOKENS))
    run = library.capture(lambda weight, places: weight[places])
    return lambda: run(table, tokens)


def orders() -> list[Case]:
    cases = [
        stream(
            f"cumulative-sum-{words(shape)}-{axis}",
            f"running sums of {words(shape)} along axis {axis}",
            lambda library, a, axis=axis: library.cumulative_sum(a, axis),
            shape,
            work=2 * count(shape),
            written=count(shape),
        )
        for shape, axis in (((1 << 20,), 0), ((4096, 1024), 0), ((4096, 1024), 1), ((65536, 32), 1))
    ]
    for shape in ((1 << 20,), (4096, 64), (4096, 256), (64, 32768)):
        for name, title, function in (
            ("sort", "sort", lambda library, a: library.sort(a)),
            ("top-10", "the 10 greatest", lambda library, a: library.top_k(a, 10)),
        ):
            cases.append(
                stream(
                    f"{name}-{words(shape)}",
                    f"{title} of {words(shape)}",
                    function,
                    shape,
                    work=2 * count(shape),
                )
            )
        cases.append(
            Case(
                name=f"argsort-{words(shape)}",
                group="streams",
                title=f"argsort of {words(shape)}",
                prepare=argsort_call(shape),
                work=(2 * count(shape), "B"),
            )
        )
    return cases


CASES = (
    *elementwise(),
    *reductions(),
    *rearrangements(),
    Case(
        name="embedding",
        group="streams",
        title=f"{TOKENS} of {VOCABULARY} rows of {WIDTH}",
        prepare=embed,
        work=(2.0 * 4 * TOKENS * WIDTH, "B"),
    ),
    *orders(),
)

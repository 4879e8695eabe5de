"""Matrix products of narrow operands as tile programs written by hand, beside PyTorch.

A program packs the right operand into panels, a second one multiplies. Prints what each reaches and
the median ratio of the times, one thread each, with weights packed before and packed in every call:
``python -m benchmarks.products``. Needs PyTorch.
"""

from __future__ import annotations

import functools
import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tilegrad.codegen.lower import lower
from tilegrad.engine.cpu import code_target, tile_target
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import symbolic
from tilegrad.ops.affine import Index
from tilegrad.ops.build import Builder, lanes
from tilegrad.ops.conversion import CastAttributes, bitcast, cast_to
from tilegrad.ops.matrix import WORD_BYTES
from tilegrad.ops.movement import expand_to, filled, permute_axes, reshape_to
from tilegrad.ops.program import Program
from tilegrad.ops.tile import dot
from tilegrad.render.llvm import render
from tilegrad.runtime.cpu.device import CpuDevice, cpu_device
from tilegrad.runtime.device import Launch

RAISE = 128
CACHE = 600 << 10
"""Bytes of the left operand that an instance multiplies with everything."""


class Product(NamedTuple):
    """c[M, N] = a[M, K] · b[K, N].

    Attributes:
        operand: dtype of a and b.
        result: dtype of c.
        sizes: M, K and N; N is a multiple of the tile's columns, K of ``step``.
        rows, columns: of the tile that is kept in registers.
        step: how much of K a round of the innermost loop multiplies.
        is_raised: whether signed bytes are multiplied as unsigned ones, greater by 128, where the
            processor takes only these on the left.
    """

    operand: DType
    result: DType
    sizes: tuple[int, int, int]
    rows: int = 6
    columns: int = 64
    step: int = 32
    is_raised: bool = False

    @property
    def group(self) -> int:
        """Neighbours along K in a word."""
        return WORD_BYTES // self.operand.itemsize

    @property
    def total(self) -> DType:
        """Dtype of the sums."""
        return dtypes.float32 if self.operand.is_float else dtypes.int32


def words_of(build: Builder, product: Product, panels: Node, start: Index) -> Node:
    """Return b[step, columns] from the words of a panel."""
    group, width, count = product.group, product.columns, product.step // product.group
    place = lanes(count, 3, 0) * (width * group) + lanes(width, 3, 1) * group + lanes(group, 3, 2)
    words = build.load(panels, symbolic.add(start, place))
    return reshape_to(permute_axes(words, (0, 2, 1)), (product.step, width))


def write_packing(product: Product) -> Program:
    """b as panels[N / columns, K / group, columns, group], and with raised operands -128 · Σ b."""
    _, depth, count = product.sizes
    group, width = product.group, product.columns
    build = Builder("pack")
    b = build.input(product.operand, depth * count)
    panels = build.output(product.operand, depth * count)
    panel = build.instance(count // width)
    base, across = panel * (depth * width), lanes(width, 2, 1)
    with build.loop(0, depth, group) as k:
        rows = build.load(b, (k.index + lanes(group, 2, 0)) * count + panel * width + across)
        words = reshape_to(permute_axes(rows, (1, 0)), (group * width,))
        build.store(panels, base + k.index * width + lanes(group * width), words)
    if product.is_raised:
        sums = build.output(dtypes.int32, count)
        raised = filled(RAISE, dtypes.uint8, (1, product.step))
        with build.loop(0, depth, product.step, total=filled(0, dtypes.int32, (1, width))) as k:
            words = words_of(build, product, panels, base + k.index * width)
            k["total"] = dot(raised, words, k["total"])
        build.store(sums, panel * width + across, -k["total"])
    return build.program()


def write_product(product: Product) -> Program:
    """c from a and the panels of b. Each instance has a block of rows, copied to its scratch."""
    m, k, n = product.sizes
    rows, width = product.rows, product.columns
    block = block_of(product)
    stride = k + 64 // product.operand.itemsize
    build = Builder("multiply")
    a, panels = build.input(product.operand, m * k), build.input(product.operand, k * n)
    sums = build.input(dtypes.int32, n) if product.is_raised else None
    c = build.output(product.result, m * n)
    kept = dtypes.uint8 if product.is_raised else product.operand
    top = build.instance(-(-m // block)) * block
    height = symbolic.minimum(m - top, block)
    copy = build.scratch(kept, block * stride)
    with build.loop(0, height) as row, build.loop(0, k, product.step) as column:
        place = column.index + lanes(product.step)
        values = build.load(a, (top + row.index) * k + place)
        if product.is_raised:
            values = bitcast(values, attributes=CastAttributes(kept)) ^ RAISE
        build.store(copy, row.index * stride + place, values)
    down, across = lanes(rows, 2, 0), lanes(width, 2, 1)
    with build.loop(0, n, width) as j, build.loop(0, height, rows) as i:
        # The last tile overlaps the one before it.
        start = symbolic.minimum(i.index, symbolic.subtract(height, rows))
        first = filled(0, product.total, (rows, width))
        if sums is not None:
            first = expand_to(build.load(sums, j.index + across), (rows, width))
        with build.loop(0, k, product.step, total=first) as depth:
            place = (start + down) * stride + depth.index + lanes(product.step, 2, 1)
            words = words_of(build, product, panels, j.index * k + depth.index * width)
            depth["total"] = dot(build.load(copy, place), words, depth["total"])
        place = (top + start + down) * n + j.index + across
        build.store(c, place, cast_to(depth["total"], product.result))
    return build.program()


def block_of(product: Product) -> int:
    """Return how many rows an instance has: equal shares that fit the cache, in whole tiles."""
    m, k, _ = product.sizes
    tiles = -(-m // product.rows)
    most = max(1, CACHE // (k * product.operand.itemsize * product.rows))
    return min(m, -(-tiles // -(-tiles // most)) * product.rows)


# --- measuring ---


def choose_product(device: CpuDevice, operand: DType, result: DType, size: int) -> Product:
    """Return the product of square matrices with the tile that suits this processor."""
    units = tile_target(device.target).units
    unit = next((u for u in units if (u.left, u.right) == (operand, operand)), None)
    sizes = (size, size, size)
    if unit is not None and unit.rows > 1:
        return Product(operand, result, sizes, 2 * unit.rows, 2 * unit.columns, unit.depth)
    is_raised = unit is not None and unit.is_raised
    return Product(operand, result, sizes, step=64 // operand.itemsize, is_raised=is_raised)


def prepare(
    device: CpuDevice, program: Program, arrays: Sequence[np.ndarray[Any, Any]]
) -> Callable[[], object]:
    """Return what runs a program on arrays, one for each slot."""
    source = render(lower(program.root, code_target(device.target)), "kernel")
    binary = device.compiler.load(device.compiler.compile(source))
    (size,) = program.grid
    count = int(size.attributes.bits)  # type: ignore[union-attr]
    addresses = tuple(array.ctypes.data for array in arrays)
    launch = Launch(binary.address("kernel"), addresses, count, 1)
    recording = device.queue.record([[launch]], keep=(binary, *arrays))
    return functools.partial(device.queue.run, recording)


def compare(device: CpuDevice, torch: Any, product: Product) -> None:
    """Print one row."""
    _, k, n = product.sizes
    shape, is_float = (k, n), product.operand.is_float
    if is_float:
        a, b = (torch.randn(shape).bfloat16() for _ in range(2))
        arrays = [x.view(torch.uint16).numpy() for x in (a, b)]
        multiply, result = a.matmul, torch.empty_like(a).view(torch.uint16).numpy()
    else:
        a, b = (torch.randint(-128, 128, shape, dtype=torch.int8) for _ in range(2))
        arrays, result = [a.numpy(), b.numpy()], np.empty(shape, np.int32)
        multiply = functools.partial(torch._int_mm, a)  # noqa: SLF001 - the only one for bytes
    panels, sums = np.empty_like(arrays[1]), [np.empty(n, np.int32)] * product.is_raised
    pack = prepare(device, write_packing(product), [arrays[1], panels, *sums])
    run = prepare(device, write_product(product), [arrays[0], panels, *sums, result])
    actions = (functools.partial(multiply, b), run, pack)
    times: list[list[float]] = [[], [], []]
    operations = 2.0 * product.sizes[0] * k * n
    for _ in range(max(7, min(200, int(3e10 / operations)))):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            taken.append(time.perf_counter() - start)
    rates = [operations / statistics.median(taken) / 1e9 for taken in times[:2]]
    packed = statistics.median(one / other for one, other, _ in zip(*times, strict=True))
    each = statistics.median(one / (two + three) for one, two, three in zip(*times, strict=True))
    print(
        f"{product.operand.name:>9} {n:5}  torch {rates[0]:6.0f}  tilegrad {rates[1]:6.0f} G/s"
        f"  ratio {packed:.2f} packed before, {each:.2f} packed each time"
    )


def main() -> None:
    """Measure."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    device = cpu_device(threads=1)
    for size in (256, 512, 1024, 2048):
        for operand, result in ((dtypes.bfloat16,) * 2, (dtypes.int8, dtypes.int32)):
            compare(device, torch, choose_product(device, operand, result, size))


if __name__ == "__main__":
    main()

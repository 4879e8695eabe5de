"""Random tile programs, natively, against the interpreter of the reference device."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from tests.codegen import native
from tests.codegen.programs import below, iota, reduce_over
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, bits, comparison, memory, movement, reduction, tile
from tilegrad.ops.affine import as_index
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.symbolic import add, maximum, minimum, multiply
from tilegrad.runtime.reference.interpreter import interpret

LENGTH = 4096
INSTANCES = 3
SIZES = st.sampled_from([1, 1, 2, 3, 8, 16, 17, 40])
DTYPES = (dtypes.float32, dtypes.int32, dtypes.int16, dtypes.float64, dtypes.uint8, dtypes.bfloat16)
REDUCTIONS = (reduction.reduce_maximum, reduction.reduce_minimum, reduction.reduce_sum)


class Builder:
    """Draws a program whose results do not depend on the order of floating-point sums."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.loops = self.memories = 0
        rank = draw(st.integers(1, 3))
        self.shape = tuple(draw(SIZES) for _ in range(rank))
        if numpy.prod(self.shape) > 700:
            self.shape = self.shape[-1:]
        self.inputs: dict[DType, Node] = {
            dtype: memory.make_parameter(slot, dtype) for slot, dtype in enumerate(DTYPES)
        }
        self.limit = tile.make_scalar(len(DTYPES), "n", 0, 50)

    def offset(self, shape: tuple[int, ...], loop: Node | None) -> Node:
        """Return offsets inside the inputs: affine, or clamped from computed ones."""
        total: Node | int = self.draw(st.integers(0, 9))
        total = add(total, multiply(tile.make_program_index(0), self.draw(st.integers(0, 9))))
        if loop is not None:
            total = add(total, multiply(as_index(loop), self.draw(st.integers(0, 5))))
        for axis in range(len(shape)):
            stride = self.draw(st.sampled_from([0, 1, 1, 1, 2, 7, -1, 41]))
            total = add(total, multiply(iota(shape, axis), stride))
        total = add(total, 200)
        if self.draw(st.integers(0, 3)) == 0:
            loaded = self.load(dtypes.int32, shape, total, None)
            index = cast_to(loaded, dtypes.index)
            total = minimum(maximum(index, 0), LENGTH - 1)
        zero = multiply(iota(shape, 0), 0)
        return self.tiled(add(total, zero), shape)

    def tiled(self, index, shape: tuple[int, ...]) -> Node:
        """Return an index as a tile of the shape, even where it is a scalar or an int."""
        from tilegrad.ops.affine import as_node

        node = as_node(index)
        if node.shape == shape:
            return node
        if not node.shape:
            node = movement.reshape_to(node, (1,) * len(shape))
        return movement.expand_to(node, shape)

    def load(self, dtype: DType, shape: tuple[int, ...], offset, mask: Node | None) -> Node:
        return memory.make_load(self.inputs[dtype], self.tiled(offset, shape), mask)

    def mask(self, shape: tuple[int, ...], loop: Node | None) -> Node | None:
        kind = self.draw(st.integers(0, 3))
        if kind == 0:
            return None
        axis = self.draw(st.integers(0, len(shape) - 1))
        place = add(iota(shape, axis), as_index(loop) if loop is not None else 0)
        bound = self.draw(st.sampled_from([3, 10, as_index(self.limit)]))
        mask = below(self.tiled(place, shape), bound)
        if kind == 2:
            other = comparison.equal(iota(shape, axis), constant(2, dtypes.index))
            mask = bits.bitwise_or(mask, other)
        return ~mask if kind == 3 else mask

    def leaf(self, shape: tuple[int, ...], loop: Node | None) -> Node:
        dtype = self.draw(st.sampled_from(DTYPES))
        offset = self.offset(shape, loop)
        node = self.load(dtype, shape, offset, self.mask(shape, loop))
        if node.shape != shape:
            node = movement.expand_to(node, shape)
        return node

    def value(self, shape: tuple[int, ...], depth: int, loop: Node | None) -> Node:
        if depth == 0:
            return self.leaf(shape, loop)
        kind = self.draw(st.integers(0, 6))
        first = self.value(shape, depth - 1, loop)
        if kind == 0:
            return cast_to(first, self.draw(st.sampled_from(DTYPES)))
        if kind == 1:
            axes = tuple(sorted(self.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
            op = self.draw(st.sampled_from(REDUCTIONS))
            if first.dtype.is_float and op is reduction.reduce_sum:
                op = reduction.reduce_maximum
            return movement.expand_to(reduce_over(op, first, *axes), shape)
        if kind == 2:
            order = tuple(self.draw(st.permutations(range(len(shape)))))
            attributes = movement.PermuteAttributes(order)
            moved = movement.permute(first, attributes=attributes)
            return movement.reshape_to(moved, shape)
        second = cast_to(self.value(shape, depth - 1, loop), first.dtype)
        if kind == 3:
            return comparison.where(comparison.less(first, second), second, first)
        op = self.draw(
            st.sampled_from([arithmetic.add, arithmetic.subtract, arithmetic.multiply])
            if kind == 4
            else st.sampled_from([arithmetic.maximum, arithmetic.minimum])
        )
        return op(first, second)

    def through_memory(self, value: Node) -> Node:
        """Return a value mixed with itself reversed, in place, in memory of the instance."""
        self.memories += 1
        size = int(numpy.prod(self.shape))
        scratch = memory.make_scratch(self.memories, value.dtype, size)
        forward = self.tiled(self.places(), self.shape)
        backward = self.tiled(add(multiply(self.places(), -1), size - 1), self.shape)
        stored = memory.make_store(scratch, forward, value)
        loaded = memory.make_load(scratch, backward, after=stored)
        again = memory.make_store(
            scratch, forward, arithmetic.subtract(loaded, value), after=stored
        )
        return memory.make_load(scratch, backward, after=again)

    def places(self) -> Node | int:
        """Return each element's place in a contiguous tile."""
        total: Node | int = 0
        step = 1
        for axis in reversed(range(len(self.shape))):
            total = add(total, multiply(iota(self.shape, axis), step))
            step *= self.shape[axis]
        return total

    def loop(self) -> Node:
        number = self.loops = self.loops + 1
        stop = self.draw(st.sampled_from([0, 1, 5, as_index(self.limit)]))
        step = self.draw(st.integers(1, 3))
        index = tile.make_loop_index(number, 0, stop)
        carries = []
        for position in range(self.draw(st.integers(1, 2))):
            carry = tile.make_carry(number, position, self.leaf(self.shape, None))
            inner = cast_to(self.value(self.shape, 1, index), carry.dtype)
            op = self.draw(st.sampled_from([arithmetic.maximum, arithmetic.subtract]))
            carries.append((carry, op(carry, inner)))
        results = tile.make_loop_results(tile.make_loop(index, step, carries))
        return self.draw(st.sampled_from(results))

    def program(self) -> tuple[Node, DType]:
        value = self.value(self.shape, 2, None)
        if self.draw(st.booleans()):
            value = arithmetic.maximum(value, cast_to(self.loop(), value.dtype))
        if self.draw(st.booleans()):
            value = self.through_memory(value)
        size = int(numpy.prod(self.shape))
        total = add(multiply(tile.make_program_index(0), size), self.places())
        pointer = memory.make_parameter(len(DTYPES) + 1, value.dtype)
        mask = self.mask(self.shape, None)
        store = memory.make_store(pointer, self.tiled(total, self.shape), value, mask)
        return tile.make_program("k", [INSTANCES], [store]), value.dtype


@st.composite
def programs(draw: st.DrawFn) -> tuple[Node, DType]:
    return Builder(draw).program()


def arguments(seed: int) -> list[numpy.ndarray]:
    generator = numpy.random.default_rng(seed)
    return [generator.integers(0, 100, LENGTH).astype(dtype.numpy) for dtype in DTYPES]


@given(programs(), st.integers(0, 50), st.sampled_from(native.LEVELS))
def test_agrees_with_the_interpreter(program: tuple[Node, DType], limit: int, level: str) -> None:
    root, dtype = program
    inputs = arguments(limit)
    results = [numpy.zeros(8192, dtype.numpy) for _ in range(2)]
    with numpy.errstate(all="ignore"):
        interpret(root, [*inputs, limit, results[0]])
    native.run(root, [*inputs, limit, results[1]], INSTANCES, level)
    numpy.testing.assert_array_equal(results[1].astype(float), results[0].astype(float))

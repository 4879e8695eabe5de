"""Hypothesis strategies for random programs of each dialect."""

from __future__ import annotations

from hypothesis import strategies as st

from tilegrad.base.errors import TilegradError
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import (
    TENSOR_OPS,
    arithmetic,
    bits,
    comparison,
    conversion,
    graph,
    indexing,
    movement,
    reduction,
    scan,
    sorting,
    windows,
)
from tilegrad.ops.affine import AffineAttributes, affine, product
from tilegrad.ops.leaves import (
    BufferAttributes,
    ConstantAttributes,
    IotaAttributes,
    Storage,
    SymbolAttributes,
    buffer,
    constant,
    constant_op,
    iota,
    symbol,
)

SMALL = st.integers(-3, 9)
AXES = st.lists(st.integers(0, 2), unique=True, max_size=2).map(lambda axes: tuple(sorted(axes)))
ATTRIBUTES = {
    conversion.CastAttributes: st.sampled_from(STORABLE).map(conversion.CastAttributes),
    reduction.ReduceAttributes: AXES.map(reduction.ReduceAttributes),
    movement.PermuteAttributes: st.permutations(range(2)).map(
        lambda order: movement.PermuteAttributes(tuple(order))
    ),
    movement.FlipAttributes: AXES.map(movement.FlipAttributes),
    movement.ConcatenateAttributes: st.integers(0, 1).map(movement.ConcatenateAttributes),
    scan.ScanAttributes: st.builds(
        scan.ScanAttributes, st.integers(0, 1), st.sampled_from(["add", "maximum"])
    ),
    sorting.ArgsortAttributes: st.builds(
        sorting.ArgsortAttributes, st.integers(0, 1), st.booleans()
    ),
    indexing.GatherAttributes: AXES.map(indexing.GatherAttributes),
    indexing.ScatterAttributes: st.builds(
        indexing.ScatterAttributes, AXES, st.sampled_from(["set", "add"])
    ),
    graph.CopyAttributes: st.sampled_from(["cpu", 'odd "name" # of a device\n']).map(
        graph.CopyAttributes
    ),
    AffineAttributes: st.builds(
        AffineAttributes, st.lists(SMALL, max_size=3).map(tuple), st.integers(-(1 << 70), 1 << 70)
    ),
}


def sized_attributes(sizes: st.SearchStrategy[int | Node]) -> dict[type, st.SearchStrategy]:
    """Attributes with sizes in them, which may be symbolic."""
    shapes = st.lists(sizes, max_size=3).map(tuple)
    pairs = st.lists(st.tuples(sizes, sizes), min_size=1, max_size=3).map(tuple)
    step = st.integers(1, 3)
    return {
        movement.ReshapeAttributes: shapes.map(movement.ReshapeAttributes),
        movement.ExpandAttributes: shapes.map(movement.ExpandAttributes),
        movement.PadAttributes: pairs.map(movement.PadAttributes),
        movement.ShrinkAttributes: pairs.map(movement.ShrinkAttributes),
        windows.SlideAttributes: st.builds(
            windows.SlideAttributes,
            st.integers(0, 1),
            st.integers(0, 1) | st.none(),
            sizes,
            step,
            step,
        ),
    }


def constants() -> st.SearchStrategy[Node]:
    """Constants of every dtype, of any bits."""
    bits = st.one_of(st.integers(0, 300), st.integers(0, (1 << 64) - 1))

    def build(dtype, pattern):
        pattern %= 2 if dtype is dtypes.bool else 1 << dtype.bits
        return constant_op(attributes=ConstantAttributes(dtype, pattern))

    indices = st.integers(-(1 << 70), 1 << 70).map(lambda value: constant(value, dtypes.index))
    return st.builds(build, st.sampled_from(STORABLE), bits) | indices


@st.composite
def tensor_graphs(draw: st.DrawFn) -> list[Node]:
    """Roots of a random graph of the tensor dialect: whatever the ops' own rules let through."""
    storage = Storage("cpu", draw(st.sampled_from([dtypes.float32, dtypes.int32])), 24)
    sizes = [
        symbol(attributes=SymbolAttributes("n", 1, 64)),
        symbol(attributes=SymbolAttributes("batch size", 0, 64)),
    ]
    pool = [
        *sizes,
        buffer(attributes=BufferAttributes(storage, (4, 6), 0)),
        buffer(attributes=BufferAttributes(storage, (1, 6), 1)),
        iota(attributes=IotaAttributes((4, 6), 1)),
        iota(attributes=IotaAttributes((4, sizes[0]), 1)),
        *draw(st.lists(constants(), min_size=1, max_size=3)),
    ]
    for _ in range(draw(st.integers(1, 25))):
        op = draw(st.sampled_from([*TENSOR_OPS, affine, product]))
        node = draw(applications(op, pool))
        if node is not None:
            pool.append(node)
    return draw(st.lists(st.sampled_from(pool[-6:]), min_size=1, max_size=3))


@st.composite
def applications(draw: st.DrawFn, op: Op, pool: list[Node]) -> Node | None:
    """An op applied to nodes of the pool, or None if its rule refuses them."""
    indices = [node for node in pool if node.dtype is dtypes.index and not node.shape]
    table = {**ATTRIBUTES, **sized_attributes(st.integers(1, 6) | st.sampled_from(indices))}
    if op.attributes is not None and op.attributes not in table:
        return None
    attributes = draw(table[op.attributes]) if op.attributes else None
    arity = draw(st.integers(1, 3)) if op.arity is None else op.arity
    alike = draw(st.sampled_from(pool)).dtype
    candidates = [node for node in pool if node.dtype is alike]
    if op.name in ("affine", "product"):
        candidates = [node for node in pool if node.dtype is dtypes.index]
        arity = len(attributes.coefficients) if attributes else arity
    sources = draw(st.lists(st.sampled_from(candidates), min_size=arity, max_size=arity))
    try:
        return op(*sources, attributes=attributes)
    except (LookupError, TypeError, ValueError, AttributeError, TilegradError):
        return None


INDEX_OPS = [
    affine,
    product,
    arithmetic.floor_divide,
    arithmetic.modulo,
    arithmetic.minimum,
    arithmetic.maximum,
    arithmetic.negate,
    comparison.less,
    comparison.less_equal,
    comparison.equal,
    comparison.where,
    bits.bitwise_and,
    bits.bitwise_or,
    bits.bitwise_not,
]


@st.composite
def index_graphs(draw: st.DrawFn) -> list[Node]:
    """Roots of random index arithmetic, in normal form or not."""
    pool = [
        symbol(attributes=SymbolAttributes("n", 1, 64)),
        symbol(attributes=SymbolAttributes("m", 1, 64)),
        iota(attributes=IotaAttributes((4, 6), 1)),
        *draw(st.lists(SMALL.map(lambda value: constant(value, dtypes.index)), max_size=3)),
    ]
    for _ in range(draw(st.integers(1, 15))):
        node = draw(applications(draw(st.sampled_from(INDEX_OPS)), pool))
        if node is not None:
            pool.append(node)
    return draw(st.lists(st.sampled_from(pool[-4:]), min_size=1, max_size=3))

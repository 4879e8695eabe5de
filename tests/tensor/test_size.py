import numpy
import pytest

from tests.tensor.support import check, random_array
from tilegrad import Tensor, Variable
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, OutOfRangeError, ShapeError
from tilegrad.engine import current_session
from tilegrad.engine.storage import view_storage


def evaluate(tensor, **values):
    """Return the contents of a tensor with values for its symbolic sizes."""
    session = current_session()
    ((storage, shape),) = session.realize([tensor.node], tensor.device, values)
    return view_storage(storage, shape).copy()


def test_arithmetic():
    n = Variable("n", 2, 10)
    assert n + n == 2 * n
    assert (n + 3) - n == 3
    assert 3 * n // 3 == n
    assert (n * 4) % 4 == 0
    assert -n + n == 0
    assert (n.minimum, n.maximum, (2 * n + 1).maximum) == (2, 10, 21)
    assert n != Variable("m", 2, 10)
    assert len({n, Variable("n", 2, 10)}) == 1
    assert n < 11
    assert n >= 2
    assert not n > 10
    with pytest.raises(ArgumentError, match="do not decide"):
        _ = n < 5
    with pytest.raises(ArgumentError, match="bounds"):
        Variable("n", 3, 2)
    with pytest.raises(ArgumentTypeError, match="symbolic"):
        Tensor.ones(n, 2).split(1)


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("length", [1, 3, 6])
def test_operations_carry_symbolic_sizes(length, device):
    n = Variable("n", 1, 6)
    array, other = random_array((6, 4)), random_array((4, 5))
    part = Tensor(array, device=device)[:n]
    assert part.shape == (n, 4)
    kept = array[:length]
    results = [
        (part * 2 + part, kept * 3),
        (part.sum(0), kept.sum(0)),
        (part.mean(), kept.mean()),
        (part.var(0, correction=0), kept.var(0)),
        (part.max(1), kept.max(1)),
        (part @ Tensor(other, device=device), kept @ other),
        (part.T @ part, kept.T @ kept),
        (part.softmax(0), numpy.exp(kept) / numpy.exp(kept).sum(0)),
        (part.reshape(n * 2, 2), kept.reshape(-1, 2)),
        (part.flatten(), kept.ravel()),
        (part.unsqueeze(0).expand(3, n, 4), numpy.broadcast_to(kept, (3, length, 4))),
        (part.pad(((1, 2), None)), numpy.pad(kept, ((1, 2), (0, 0)))),
        (part.cat(part), numpy.concatenate([kept, kept])),
        (part[-1:], kept[-1:]),
        (part[n - 1], kept[length - 1]),
        (part.triu(), numpy.triu(kept)),
        (part.cumsum(0), kept.cumsum(0)),
        (part.argmax(0), kept.argmax(0)),
        (part[:, [0, 2]], kept[:, [0, 2]]),
    ]
    for found, expected in results:
        numpy.testing.assert_allclose(evaluate(found, n=length), expected, rtol=2e-5, atol=2e-6)


def test_symbolic_sizes_are_checked():
    n, m = Variable("n", 1, 6), Variable("m", 1, 6)
    with pytest.raises(ShapeError, match="broadcast"):
        Tensor.ones(n, 2) + Tensor.ones(m, 2)
    with pytest.raises(ShapeError, match="known"):
        Tensor.ones(n).numpy()
    with pytest.raises(OutOfRangeError):
        Tensor.ones(6)[n + 6]
    assert "symbolic" in repr(Tensor.ones(n, 2))


def test_symbolic_numbers_are_values():
    n = Variable("n", 1, 6)
    tensor = Tensor([1.0, 2.0], device="reference") * n
    numpy.testing.assert_array_equal(evaluate(tensor, n=3), [3.0, 6.0])
    check(Tensor([1, 2]) + 0, numpy.array([1, 2]))


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_writing_at_symbolic_places(device):
    n = Variable("n", 0, 5)
    cache = Tensor.zeros(6, 2, device=device).realize()
    expected = numpy.zeros((6, 2), numpy.float32)
    for place in (2, 5, 0):
        cache[n : n + 1] = Tensor([[place + 1.0, 7.0]], device=device)
        expected[place] = [place + 1.0, 7.0]
        with current_session().bound({"n": place}):
            cache.realize()
        check(cache, expected)


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("length", [2, 3, 7])
def test_ranges_may_end_at_symbolic_sizes(length, device):
    n = Variable("n", 2, 7)
    for ends, expected in [
        ((n,), (length,)),
        ((1, n), (1, length)),
        ((n, n + 4), (length, length + 4)),
        ((2 - n, n * 3, 2), (2 - length, length * 3, 2)),
    ]:
        found = evaluate(Tensor.arange(*ends, device=device), n=length)
        assert found.tolist() == list(range(*expected))
    assert Tensor.arange(n, dtype="float32").shape == (n,)
    for ends in [(3, n), (n, 0, -1), (0.5, n), (0, n, 0.5)]:
        with pytest.raises(ArgumentError, match="symbolic range"):
            Tensor.arange(*ends)

import numpy
import pytest

from tests.tensor.support import FLOATS
from tilegrad import Tensor, dtypes, jit
from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError
from tilegrad.tensor.random import Random


def words(count):
    """Return the bits that the generator gives next."""
    return Tensor.from_node(Random.draw((count,), "reference"), "reference").numpy()


def test_known_bits():
    # Threefry-2x32-20 with key 0 and counter 0 (from the authors' table of known answers).
    Tensor.manual_seed(0)
    assert [hex(word) for word in words(1).view(numpy.uint32)] == ["0x6b200159", "0x99ba4efe"]


def test_draws_do_not_depend_on_how_they_are_cut():
    Tensor.manual_seed(3)
    together = Tensor.rand(10, device="reference").numpy()
    Tensor.manual_seed(3)
    first = Tensor.rand(4, device="reference")
    second = Tensor.rand(2, 3, device="reference").realize()
    pieces = numpy.concatenate([first.numpy(), second.numpy().ravel()])
    numpy.testing.assert_array_equal(together, pieces)
    assert first.numpy().tolist() == together[:4].tolist()


def test_devices_give_the_same_numbers():
    Tensor.manual_seed(3)
    names = ("cpu", "reference")
    found = [Tensor.randint(50, high=1000, device=name).tolist() for name in names]
    assert found[0] == found[1]
    found = [Tensor.rand(50, device=name).tolist() for name in names]
    assert found[0] == found[1]


def test_seeds():
    Tensor.manual_seed(1)
    first = Tensor.rand(5).tolist()
    second = Tensor.rand(5).tolist()
    assert first != second
    Tensor.manual_seed(1)
    assert Tensor.rand(5).tolist() == first
    assert Tensor.rand(5).tolist() == second
    Tensor.manual_seed(2)
    assert Tensor.rand(5).tolist() != first


def test_a_draw_leaves_others_lazy():
    first, second = Tensor.rand(2), Tensor.rand(4)
    second.realize()
    Tensor.manual_seed(1)
    assert second.is_realized()
    assert not first.is_realized()


def test_captured_and_eager_draws_go_on_from_each_other():
    Tensor.manual_seed(5)
    expected = Tensor.rand(4 * 7).numpy().reshape(7, 4)
    step = jit(lambda x: x + Tensor.rand(4))
    zeros = Tensor(numpy.zeros(4, numpy.float32))
    Tensor.manual_seed(5)
    found = [step(zeros).numpy() for _ in range(4)]
    waiting = Tensor.rand(4)
    found.append(step(zeros).numpy())
    found.insert(4, waiting.numpy())
    found.append(Tensor.rand(4).numpy())
    numpy.testing.assert_array_equal(numpy.stack(found), expected)


def test_lazy_draws_keep_their_numbers():
    Tensor.manual_seed(1)
    expected = Tensor.rand(6).numpy()
    Tensor.manual_seed(1)
    first, second = Tensor.rand(2), Tensor.rand(4)
    second.realize()
    Tensor.rand(3).realize()
    numpy.testing.assert_array_equal(first.numpy(), expected[:2])
    numpy.testing.assert_array_equal(second.numpy(), expected[2:])


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_uniform_numbers(dtype):
    Tensor.manual_seed(0)
    numbers = Tensor.rand(4000, dtype=dtype, device="reference").numpy().astype(numpy.float64)
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    assert numbers.mean() == pytest.approx(0.5, abs=0.02)
    assert numbers.var() == pytest.approx(1 / 12, abs=0.01)
    numbers = Tensor.uniform(4000, low=-3, high=5, device="reference").numpy()
    assert -3 <= numbers.min() < -2.9
    assert 4.9 < numbers.max() <= 5


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_normal_numbers(dtype):
    Tensor.manual_seed(0)
    numbers = Tensor.randn(20000, dtype=dtype, device="reference").numpy().astype(numpy.float64)
    assert numbers.mean() == pytest.approx(0.0, abs=0.02)
    assert numbers.var() == pytest.approx(1.0, abs=0.03)
    assert (numbers**3).mean() == pytest.approx(0.0, abs=0.1)
    assert (numbers**4).mean() == pytest.approx(3.0, abs=0.2)
    numbers = Tensor.normal(4000, mean=3.0, std=0.5, device="reference").numpy()
    assert numbers.mean() == pytest.approx(3.0, abs=0.03)
    assert numbers.std() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("low", "high"), [(0, 10), (-5, 3), (7, 8), (2**40, 2**40 + 3)])
def test_integers(low, high):
    Tensor.manual_seed(0)
    numbers = Tensor.randint(2000, low=low, high=high, device="reference")
    assert numbers.dtype is dtypes.int64
    values, counts = numpy.unique(numbers.numpy(), return_counts=True)
    assert values.tolist() == list(range(low, high))
    assert counts.min() > 0.7 * 2000 / (high - low)
    with pytest.raises(ArgumentError, match="bounds"):
        Tensor.randint(3, low=5, high=5)
    with pytest.raises(ArgumentError, match="uint8"):
        Tensor.randint(3, low=-1, dtype="uint8")


def test_permutations():
    Tensor.manual_seed(0)
    order = Tensor.randperm(50, device="reference").tolist()
    assert sorted(order) == list(range(50))
    assert order != list(range(50))


def test_samples_follow_their_weights():
    Tensor.manual_seed(0)
    weights = Tensor([[1.0, 0.0, 3.0], [0.0, 5.0, 0.0]], device="reference")
    drawn = weights.multinomial(3000, replacement=True).numpy()
    assert drawn.shape == (2, 3000)
    assert (drawn[1] == 1).all()
    share = (drawn[0] == 2).mean()
    assert share == pytest.approx(0.75, abs=0.03)
    assert not (drawn[0] == 1).any()
    single = Tensor([0.5, 0.5, 2.0, 0.0], device="reference").multinomial(3)
    assert sorted(single.tolist()) == [0, 1, 2]
    flags = Tensor.full((3000,), 0.3, device="reference").bernoulli()
    assert flags.mean().item() == pytest.approx(0.3, abs=0.03)
    with pytest.raises(ArgumentError, match="samples"):
        weights.multinomial(4)
    with pytest.raises(ShapeError, match="axes"):
        Tensor(1.0).multinomial()


def test_dropout():
    Tensor.manual_seed(0)
    ones = Tensor.ones(4000, device="reference")
    assert ones.dropout(0.4) is ones
    with Tensor.train():
        assert Tensor.training
        values = ones.dropout(0.4).numpy()
        assert ones.dropout(1.0).sum().item() == 0
    assert not Tensor.training
    assert set(values.tolist()) == {0.0, numpy.float32(1 / 0.6).item()}
    assert (values == 0).mean() == pytest.approx(0.4, abs=0.03)
    assert ones.dropout(0.5, training=True).numpy().min() == 0
    with pytest.raises(ArgumentError, match="share"):
        ones.dropout(1.5)
    Tensor.training = True
    assert Tensor.training
    Tensor.training = False


def test_random_slopes():
    Tensor.manual_seed(0)
    below = Tensor.full((500,), -1.0)
    assert below.rrelu(0.1, 0.3).tolist() == pytest.approx([-0.2] * 500)
    slopes = -below.rrelu(0.1, 0.3, training=True).numpy()
    assert 0.1 <= slopes.min() < 0.11
    assert 0.29 < slopes.max() <= 0.3
    assert Tensor([2.0]).rrelu(training=True).tolist() == [2.0]


def test_gumbel_softmax():
    Tensor.manual_seed(0)
    logits = Tensor.zeros(300, 4, device="reference")
    soft, hard = logits.gumbel_softmax(), logits.gumbel_softmax(hard=True)
    numpy.testing.assert_allclose(soft.sum(-1).numpy(), 1, rtol=1e-5)
    numpy.testing.assert_allclose(hard.numpy().max(-1), 1)
    assert hard.mean(0).numpy() == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", (6 / 80 / 3) ** 0.5),
        ("kaiming_uniform", (2 / 30 / 1.0001) ** 0.5),
        ("kaiming_normal", (2 / 30 / 1.0001) ** 0.5),
        ("scaled_uniform", (1 / 1500 / 3) ** 0.5),
    ],
)
def test_initial_weights(name, deviation):
    Tensor.manual_seed(0)
    weights = getattr(Tensor, name)(50, 30, device="reference").numpy()
    assert weights.std() == pytest.approx(deviation, rel=0.06)
    assert weights.mean() == pytest.approx(0.0, abs=deviation / 10)


def test_random_refuses():
    with pytest.raises(DTypeError, match="floating-point"):
        Tensor.rand(3, dtype="int32")
    with pytest.raises(DTypeError, match="floating-point"):
        Tensor([1, 2]).rand_like()
    assert Tensor.ones(2, 3, dtype="float16").rand_like().dtype is dtypes.float16
    assert Tensor.ones(2, 3).randn_like().shape == (2, 3)


def test_captured_functions_draw_on():
    @jit
    def step(x):
        return x + Tensor.rand(3), Tensor.randint(2, high=1000)

    zero = Tensor.zeros(3).realize()
    Tensor.manual_seed(5)
    expected = [
        [(zero + Tensor.rand(3)).tolist(), Tensor.randint(2, high=1000).tolist()] for _ in range(6)
    ]
    for _ in range(2):  # from the beginning of a capture, and once it replays
        Tensor.manual_seed(5)
        found = []
        for turn in range(6):
            if turn == 4:  # an eager draw between replays goes on where they are
                found.append([Tensor.rand(3).tolist(), Tensor.randint(2, high=1000).tolist()])
            else:
                found.append([result.tolist() for result in step(zero)])
        assert found == expected
    assert len(step.captured) == 1

"""Training steps on the compiled device: captured, with optimiser, statistics and schedule."""

import numpy
import pytest
import torch

from tilegrad import nn
from tilegrad.engine import Session
from tilegrad.tensor import Tensor, jit

RANDOM = numpy.random.default_rng(17)


@pytest.fixture(autouse=True)
def compiled_session(reference_session):
    with Session().entered() as session:
        yield session


def models():
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 6 * 6, 5),
    )
    ours = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        Tensor.relu,
        nn.Flatten(),
        nn.Linear(4 * 6 * 6, 5),
    )
    ours.load_state_dict({name: Tensor(v.numpy()) for name, v in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_captured_training_step_is_torch_s(name):
    ours, theirs = models()
    options = {"lr": 0.02} | ({"momentum": 0.9} if name == "SGD" else {"weight_decay": 0.1})
    optimiser = getattr(nn.optim, name)(ours.parameters(), **options)
    reference = getattr(torch.optim, name)(theirs.parameters(), **options)
    schedule = nn.optim.lr_scheduler.StepLR(optimiser, 2, 0.5)
    torch_schedule = torch.optim.lr_scheduler.StepLR(reference, 2, 0.5)

    @jit
    def step(x, labels):
        with Tensor.train():
            optimiser.zero_grad()
            loss = ours(x).cross_entropy(labels)
            loss.backward()
            nn.clip_grad_norm_(ours.parameters(), 1.0)
            optimiser.step(loss)
            return loss

    for _ in range(6):
        x = RANDOM.standard_normal((8, 2, 6, 6)).astype(numpy.float32)
        labels = RANDOM.integers(0, 5, 8)
        loss = step(Tensor(x), Tensor(labels))
        reference.zero_grad()
        expected = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
        expected.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        reference.step()
        numpy.testing.assert_allclose(loss.item(), expected.item(), rtol=2e-4)
        schedule.step()
        torch_schedule.step()
    for key, tensor in theirs.state_dict().items():
        if "num_batches" not in key:
            found = ours.state_dict()[key].numpy()
            numpy.testing.assert_allclose(found, tensor.numpy(), rtol=1e-3, atol=2e-4)
    assert len(step.captured) == 1
    assert all(state.get("step", Tensor(6)).item() == 6 for state in optimiser.state)


def test_training_goes_on_from_a_saved_state(tmp_path):
    ours, _ = models()
    optimiser = nn.optim.Adam(ours.parameters(), lr=0.01)
    x = Tensor(RANDOM.standard_normal((4, 2, 6, 6)).astype(numpy.float32))

    def train(model, optimiser, steps):
        for _ in range(steps):
            optimiser.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimiser.step(loss)
        return loss.item()

    train(ours, optimiser, 3)
    state = {"model": ours, "optimiser": optimiser}
    nn.state.safe_save(nn.state.get_state_dict(state), tmp_path / "state.safetensors")
    expected = train(ours, optimiser, 3)
    other, _ = models()
    again = {"model": other, "optimiser": nn.optim.Adam(other.parameters(), lr=0.5)}
    nn.state.load_state_dict(again, nn.state.safe_load(tmp_path / "state.safetensors"))
    numpy.testing.assert_allclose(train(other, again["optimiser"], 3), expected, rtol=1e-5)

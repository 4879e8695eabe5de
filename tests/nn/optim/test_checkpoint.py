"""Optimisers and schedules that go on from a saved state, torch's too."""

import numpy
import pytest
import torch

from tests.nn.optim.test_parameter_group import same, take_step, twins
from tilegrad.base.errors import DataError
from tilegrad.nn import optim
from tilegrad.nn.state import get_state_dict, load_state_dict, safe_load, safe_save, torch_load
from tilegrad.tensor import Tensor

CASES = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {}),
    ("Adam", {"weight_decay": 0.1}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("RAdam", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adagrad", {"lr_decay": 0.1}),
    ("Adadelta", {"rho": 0.8}),
]


def grouped(tensors):
    return [{"params": tensors[:2], "lr": 0.05}, {"params": tensors[2:]}]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_training_goes_on_from_a_checkpoint_of_torch(name, options, tmp_path):
    ours, theirs = twins()
    reference = getattr(torch.optim, name)(grouped(theirs), lr=0.02, **options)
    for step in range(3):
        take_step(theirs, reference, step)
    torch.save(reference.state_dict(), tmp_path / "optimiser.pt")
    for tensor, other in zip(ours, theirs, strict=True):
        tensor.assign(other.detach().numpy())
    optimiser = getattr(optim, name)(grouped(ours), lr=0.5, **options)
    optimiser.load_state_dict(torch_load(tmp_path / "optimiser.pt"))
    for step in range(3, 6):
        take_step(ours, optimiser, step)
        take_step(theirs, reference, step)
        same(ours, theirs)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_names_are_the_paths_in_torch_s_dictionary(name, options):
    ours, theirs = twins()
    optimiser = getattr(optim, name)(grouped(ours), **options)
    reference = getattr(torch.optim, name)(grouped(theirs), **options)
    take_step(theirs, reference, 0)
    paths = {
        f"state.{number}.{key}"
        for number, parts in reference.state_dict()["state"].items()
        for key, value in parts.items()
        if value is not None
    }
    own = set(optimiser.state_dict()) - {"param_groups.0.lr", "param_groups.1.lr"}
    # torch counts steps also where no formula uses the count.
    assert own <= paths
    assert all(path.endswith(".step") for path in paths - own)


def test_a_model_and_its_optimiser_are_saved_in_one_file(tmp_path):
    ours, _ = twins()
    optimiser = optim.Adam(grouped(ours))
    for step in range(2):
        take_step(ours, optimiser, step)
    state = get_state_dict({"model": ours, "optimiser": optimiser})
    assert sum("exp_avg" in name for name in state) == 2 * len(ours)
    assert not any("params" in name for name in state)
    safe_save(state, tmp_path / "both.safetensors")
    others, _ = twins()
    again = optim.Adam(grouped(others))
    loaded = safe_load(tmp_path / "both.safetensors")
    load_state_dict({"model": others, "optimiser": again}, loaded)
    take_step(ours, optimiser, 2)
    take_step(others, again, 2)
    for one, other in zip(ours, others, strict=True):
        numpy.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_state_that_does_not_fit_is_refused_and_nothing_changes():
    ours, theirs = twins()
    reference = torch.optim.Adam(theirs, lr=0.02, amsgrad=True)
    take_step(theirs, reference, 0)

    def as_ours(value):
        if isinstance(value, dict):
            return {key: as_ours(part) for key, part in value.items()}
        return Tensor(value.numpy()) if isinstance(value, torch.Tensor) else value

    saved = as_ours(reference.state_dict())
    optimiser = optim.Adam(ours, lr=0.5)
    with pytest.raises(DataError, match="amsgrad in group 0"):
        optimiser.load_state_dict(saved)
    with pytest.raises(DataError, match="other groups"):
        optim.Adam(grouped(ours)).load_state_dict(saved)
    with pytest.raises(DataError, match="another betas"):
        optim.Adam(ours, betas=(0.8, 0.99)).load_state_dict(saved)
    saved["param_groups"][0]["amsgrad"] = False
    with pytest.raises(DataError, match="max_exp_avg_sq"):
        optimiser.load_state_dict(saved)
    assert optimiser.param_groups[0]["lr"] == 0.5
    assert optimiser.state[0]["step"].item() == 0


@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter")
@pytest.mark.parametrize("is_sequence", [False, True])
@pytest.mark.parametrize("is_torch_s", [False, True])
def test_schedules_go_on_from_their_state(is_sequence, is_torch_s):
    def build(library, optimiser):
        if not is_sequence:
            return library.CosineAnnealingLR(optimiser, 9)
        parts = [
            library.LinearLR(optimiser, total_iters=3),
            library.CosineAnnealingLR(optimiser, 6),
        ]
        return library.SequentialLR(optimiser, parts, [3])

    ours, theirs = twins()
    first = build(optim.lr_scheduler, optim.SGD(ours, lr=0.1))
    reference = build(torch.optim.lr_scheduler, torch.optim.SGD(theirs, lr=0.1))
    for _ in range(4):
        first.step()
        reference.step()
    optimiser = optim.SGD(ours, lr=0.7)
    schedule = build(optim.lr_scheduler, optimiser)
    schedule.load_state_dict((reference if is_torch_s else first).state_dict())
    for _ in range(4):
        schedule.step()
        reference.step()
        numpy.testing.assert_allclose(
            optimiser.param_groups[0]["lr"], reference.get_last_lr()[0], rtol=1e-9
        )


def test_the_plateau_goes_on_from_its_state():
    ours, theirs = twins()
    optimiser, reference = optim.SGD(ours, lr=0.1), torch.optim.SGD(theirs, lr=0.1)
    options = {"patience": 1, "cooldown": 1, "factor": 0.5}
    measured = torch.optim.lr_scheduler.ReduceLROnPlateau(reference, **options)
    for value in (3.0, 4.0, 4.0):
        measured.step(value)
    schedule = optim.lr_scheduler.ReduceLROnPlateau(optimiser, **options)
    schedule.load_state_dict(measured.state_dict())
    optimiser.param_groups[0]["lr"] = measured.get_last_lr()[0]
    for value in (4.0, 4.0, 4.0, 4.0):
        schedule.step(value)
        measured.step(value)
        numpy.testing.assert_allclose(schedule.get_last_lr(), measured.get_last_lr(), rtol=1e-6)
    with pytest.raises(DataError, match="such a schedule"):
        schedule.load_state_dict({"last_epoch": 3})
    assert schedule.state_dict()["best"] == 3.0

"""What the compiler would do is told as it would be done, and nothing is run."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.base.errors import DeviceError
from tilegrad.base.events import KernelCompiled
from tilegrad.engine import Session
from tilegrad.engine.explain import explain


@pytest.fixture(autouse=True)
def session():
    with Session().entered() as session:
        yield session


def filled(*shape):
    return Tensor(numpy.ones(shape, numpy.float32)).realize()


def test_every_stage_of_a_kernel_has_a_text():
    explanation = explain(filled(4, 8).softmax())
    assert "reduce_maximum(b0)" in explanation.graph
    assert "reduce_maximum(b0)" in explanation.simplified
    (kernel,) = explanation.kernels
    assert "reduce_over(v6, r0)" in kernel.kernel
    assert "e0 = store(p0, r0 + 8*r1" in kernel.program
    assert f"define void @{kernel.name}(" in kernel.llvm
    assert f"{kernel.name}:" in kernel.assembly


def test_nothing_is_run(session):
    x = filled(4, 8)
    lazy = x.exp()
    with session.trace.record() as recording:
        str(explain(lazy))
    assert recording.find(KernelCompiled) == []
    assert lazy.node.op.name == "exp"


def test_decisions_say_why():
    x, weights = filled(64, 64), filled(64, 64)
    explanation = explain((x @ weights).relu())
    reasons = {(one.producer, one.is_fused): one.reason for one in explanation.decisions}
    epilogue = "an epilogue: the kernel reads each element once"
    assert reasons["<reduce_sum float32[64, 1, 64]>", True] == epilogue
    assert "in <relu float32[64, 64]>: an epilogue" in str(explanation)


def test_launches_of_one_kernel_are_put_together():
    several = [filled(32 * size) for size in (1, 2, 3)]
    explanation = explain(*(x + 1 for x in several))
    (kernel,) = explanation.kernels
    assert (kernel.launches, kernel.moved_bytes) == (3, 2 * 4 * 32 * 6)
    assert "3 launches at once" in str(explanation)


def test_an_assignment_is_explained_as_one():
    x = filled(100)
    x += 1
    explanation = explain(x)
    assert "assign" in explanation.graph
    assert explanation.plan.overwritten
    assert x.numpy()[0] == 2


def test_an_op_with_its_own_program_has_no_kernel_text():
    (kernel,) = explain(filled(4, 100).cumsum(1)).kernels
    assert kernel.kernel is None
    assert "as tile program" in str(kernel)


def test_realised_tensors_need_no_kernel():
    assert str(explain(filled(3))).startswith("0 kernels, 0 bytes moved")


def test_kernels_and_bytes_are_those_of_the_plan():
    explanation = explain(filled(8, 8) @ filled(8, 8) @ filled(8, 8))
    assert len(explanation.kernels) == explanation.plan.kernels == 2
    assert sum(one.moved_bytes for one in explanation.kernels) == explanation.plan.moved_bytes


def test_a_device_that_compiles_nothing_is_refused():
    with pytest.raises(DeviceError, match="can be explained"):
        explain(Tensor([1.0, 2.0], device="reference") + 1)
    with pytest.raises(DeviceError, match=r"cpu, reference"):
        explain(Tensor([1.0], device="reference") + 1, filled(1) + 1)

"""Checkpointing on the compiled device: less memory, the same gradients."""

import numpy

from tilegrad.tensor import Tensor, checkpoint, jit

SEGMENTS, LAYERS, SIZE = 8, 3, 64


def make_step(wrap):
    random = numpy.random.default_rng(4)
    weights = [
        [Tensor((random.standard_normal((SIZE, SIZE)) / 8).astype("f")) for _ in range(LAYERS)]
        for _ in range(SEGMENTS)
    ]
    flat = [weight for segment in weights for weight in segment]
    for weight in flat:
        weight.requires_grad = True

    @jit
    def step(x):
        for segment in weights:

            def apply(value, segment=segment):
                for weight in segment:
                    value = (value @ weight).tanh()
                return value

            x = wrap(apply)(x)
        for weight in flat:
            weight.grad = None
        x.sum().backward()
        return [weight.grad for weight in flat]

    return step


def test_less_memory_and_the_same_gradients():
    x = Tensor(numpy.random.default_rng(1).standard_normal((SIZE, SIZE)).astype("f"))
    found, nbytes = [], []
    for wrap in (lambda function: function, checkpoint):
        step = make_step(wrap)
        for _ in range(3):
            gradients = step(x)
        found.append([gradient.numpy() for gradient in gradients])
        (captured,) = step.captured
        packed = sum(pack.memory.nbytes for pack in captured.packs)  # of the weights
        nbytes.append(captured.arena_bytes - packed)
    for one, other in zip(*found, strict=True):
        numpy.testing.assert_array_equal(one, other)
    # One value per segment, those within one segment, and what its backward pass needs.
    assert nbytes[1] <= (SEGMENTS + 2 * LAYERS + 2) * SIZE * SIZE * 4
    assert nbytes[1] < nbytes[0] / 2

"""What the commonest mistakes say: a golden text, with the line of the user's that caused each."""

import re

import pytest

from tilegrad import Tensor
from tilegrad.base.errors import TilegradError

MISTAKES = [
    lambda: Tensor.ones(2, 3) + Tensor.ones(4),
    lambda: Tensor.ones(2, 3) @ Tensor.ones(4, 5),
    lambda: Tensor.ones(2, 3).reshape(4, 2),
    lambda: Tensor.ones(2, 3).sum(2),
    lambda: Tensor.ones(2, 3)[0, 3],
    lambda: Tensor.ones(2, 3).cat(Tensor.ones(2, 4)),
    lambda: Tensor.ones(1, 3, 8, 8).conv2d(Tensor.ones(4, 2, 3, 3)),
    lambda: Tensor([1], dtype="uint8") + 256,
    lambda: Tensor([True]) - Tensor([False]),
    lambda: Tensor([1, 2]).assign(1.5),
    lambda: Tensor([[1, 2], [3]]),
    lambda: Tensor.ones(4, 5).cross_entropy(Tensor([1, 2, 3])),
    lambda: bool(Tensor([1, 2])),
    lambda: Tensor.zeros(3, dtype="float31"),
    lambda: Tensor.ones(2, device="gpu"),
    lambda: Tensor.einsum("ij,jk->ik", Tensor.ones(2, 3), Tensor.ones(4, 5)),
    lambda: Tensor.ones(2, 3).expand(4, 3),
    lambda: (Tensor([1.0]) > 0) @ Tensor(1.0),
]


def test_messages(golden):
    texts = []
    for mistake in MISTAKES:
        with pytest.raises(TilegradError) as caught:
            mistake()
        text = str(caught.value)
        line = mistake.__code__.co_firstlineno
        assert text.endswith(f"at: {__file__}:{line}")
        texts.append(re.sub(r"  at: .*", "  at: the user's line", text))
    golden("errors.txt", "\n\n".join(texts) + "\n")

"""The class as a whole: its methods come from many modules and must not step on each other."""

from collections import Counter

from tilegrad import Tensor


def own_names(kind):
    return [name for name in vars(kind) if not name.startswith("__")]


def test_no_module_redefines_what_another_defines():
    kinds = [kind for kind in Tensor.__mro__ if kind.__module__.startswith("tilegrad.")]
    counts = Counter(name for kind in kinds for name in own_names(kind))
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_public_method_says_what_it_does():
    kinds = [kind for kind in Tensor.__mro__ if kind.__module__.startswith("tilegrad.")]
    for kind in kinds:
        for name in own_names(kind):
            if not name.startswith("_") and callable(getattr(Tensor, name, None)):
                assert getattr(Tensor, name).__doc__, name


def test_tensors_are_small():
    assert not hasattr(Tensor(1), "__dict__")

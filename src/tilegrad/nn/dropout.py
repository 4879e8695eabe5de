"""Dropout as layers: on while ``Tensor.training``."""

from __future__ import annotations

from tilegrad.nn.applied import Applied
from tilegrad.tensor import Tensor


class _Dropout(Applied):
    """Args: p, the share that is dropped."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p


class Dropout(_Dropout):
    """Zeros a random share of the elements while ``Tensor.training``, and scales up the rest.

    From N. Srivastava et al., "Dropout", 2014.

    Args:
        p: the share.
    """

    function = Tensor.dropout


class Dropout1d(_Dropout):
    """Zeros a random share of the channels of (batch, channels, length)."""

    function = Tensor.feature_dropout


class Dropout2d(_Dropout):
    """Zeros a random share of the channels of (batch, channels, height, width)."""

    function = Tensor.feature_dropout


class Dropout3d(_Dropout):
    """Zeros a random share of the channels of (batch, channels, depth, height, width)."""

    function = Tensor.feature_dropout


class AlphaDropout(_Dropout):
    """Brings a random share of the elements to SELU's limit; see ``Tensor.alpha_dropout``."""

    function = Tensor.alpha_dropout


class FeatureAlphaDropout(Applied):
    """``AlphaDropout`` of whole channels (axis 1)."""

    function = Tensor.alpha_dropout

    def __init__(self, p: float = 0.5) -> None:
        self.p, self.by_feature = p, True

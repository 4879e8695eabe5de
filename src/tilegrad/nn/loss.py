"""Losses as layers; ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad.nn.applied import Applied
from tilegrad.tensor import Tensor


class _Reduced(Applied):
    """A loss with no argument but what becomes of its elements."""

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction


class L1Loss(_Reduced):
    """|x - target|."""

    function = Tensor.l1_loss


class MSELoss(_Reduced):
    """(x - target)²."""

    function = Tensor.mse_loss


class SoftMarginLoss(_Reduced):
    """log(1 + e^(-target · x)) for targets of ±1."""

    function = Tensor.soft_margin_loss


class MultiLabelMarginLoss(_Reduced):
    """The margins between each label's score and those of the classes that are none."""

    function = Tensor.multilabel_margin_loss


class CrossEntropyLoss(Applied):
    """The cross-entropy of the softmax of scores; see ``Tensor.cross_entropy``."""

    function = Tensor.cross_entropy

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.ignore_index = ignore_index
        self.register_buffer("weight", weight)
        self.reduction, self.label_smoothing = reduction, label_smoothing


class NLLLoss(Applied):
    """-x[target] for logarithms of probabilities."""

    function = Tensor.nll_loss

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self.reduction = reduction
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index


class BCELoss(Applied):
    """The cross-entropy of probabilities of two outcomes."""

    function = Tensor.binary_cross_entropy

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.reduction = reduction
        self.register_buffer("weight", weight)


class BCEWithLogitsLoss(Applied):
    """``BCELoss`` of the sigmoid."""

    function = Tensor.binary_cross_entropy_with_logits

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        self.reduction = reduction
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)


class SmoothL1Loss(Applied):
    """d² / (2 beta) where d = |x - target| is below beta, else d - beta / 2."""

    function = Tensor.smooth_l1_loss

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        self.reduction, self.beta = reduction, beta


class HuberLoss(Applied):
    """d² / 2 where d = |x - target| is below delta, else delta · (d - delta / 2)."""

    function = Tensor.huber_loss

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self.reduction, self.delta = reduction, delta


class KLDivLoss(Applied):
    """The divergence of a distribution given by logarithms from the target."""

    function = Tensor.kl_div

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction, self.log_target = reduction, log_target


class PoissonNLLLoss(Applied):
    """-log of a Poisson distribution's probability of the target."""

    function = Tensor.poisson_nll_loss

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        self.log_input, self.full, self.eps, self.reduction = log_input, full, eps, reduction


class GaussianNLLLoss(Applied):
    """-log of a normal distribution's density at the target: ``loss(mean, target, variance)``."""

    function = Tensor.gaussian_nll_loss

    def __init__(self, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self.full, self.eps, self.reduction = full, eps, reduction


class HingeEmbeddingLoss(Applied):
    """x for targets of 1, max(0, margin - x) for targets of -1."""

    function = Tensor.hinge_embedding_loss

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction


class MarginRankingLoss(Applied):
    """max(0, -target · (x - other) + margin): ``loss(x, other, target)``."""

    function = Tensor.margin_ranking_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction


class CosineEmbeddingLoss(Applied):
    """1 - cosine for targets of 1, max(0, cosine - margin) for -1: ``loss(x, other, target)``."""

    function = Tensor.cosine_embedding_loss

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self.margin, self.reduction = margin, reduction


class TripletMarginLoss(Applied):
    """max(0, d(x, positive) - d(x, negative) + margin) with d a p-norm."""

    function = Tensor.triplet_margin_loss

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, reduction: str = "mean"
    ) -> None:
        self.margin, self.p, self.eps, self.reduction = margin, p, eps, reduction


class TripletMarginWithDistanceLoss(Applied):
    """``TripletMarginLoss`` with any distance; see ``Tensor.triplet_margin_with_distance_loss``."""

    function = Tensor.triplet_margin_with_distance_loss

    def __init__(
        self,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        self.distance_function, self.margin = distance_function, margin
        self.swap, self.reduction = swap, reduction


class MultiMarginLoss(Applied):
    """The margins between the target's score and the others."""

    function = Tensor.multi_margin_loss

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        reduction: str = "mean",
    ) -> None:
        self.p, self.margin = p, margin
        self.reduction = reduction
        self.register_buffer("weight", weight)


class MultiLabelSoftMarginLoss(Applied):
    """The mean over the classes of the logistic loss of each label."""

    function = Tensor.multilabel_soft_margin_loss

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.reduction = reduction
        self.register_buffer("weight", weight)


class CTCLoss(Applied):
    """-log of the probability of labels under all alignments; see ``Tensor.ctc_loss``."""

    function = Tensor.ctc_loss

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        self.blank, self.reduction, self.zero_infinity = blank, reduction, zero_infinity

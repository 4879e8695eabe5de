"""Functions of probability theory: error functions, derivatives of gamma, and relatives.

Floats narrower than 64 bits are computed in float64 where the formulas lose digits, and rounded
once.
"""

from __future__ import annotations

import math
from typing import Self, TypeVar

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.special import digamma
from tilegrad.tensor.base import as_float
from tilegrad.tensor.rearrangement import Rearrangement

# fmt: off
_SCALED_ERFC = (
    1.1540674772329393772, 0.35543692127049848731, 0.06509515882878652455,
    0.0036711423958366391659, -0.0011128447433526324969, -0.00016075829915378079758,
    0.000032780315741731370605, 5.4424416455050160333e-6, -1.5154665553171481622e-6,
    -1.4297608181169864917e-7, 8.234608827419493433e-8, -1.2962846852306562536e-9,
    -4.1547216310151983042e-9, 6.3470582783628111814e-10, 1.4320822712256223707e-10,
    -6.1603901052045855418e-11, 2.0612138554721696306e-12, 3.571493148847704445e-12,
    -8.5864228432517964757e-13, -6.145600213790630554e-14, 7.4187257485966170573e-14,
    -1.2895042755032325615e-14, -2.3587263857106323568e-15, 1.5729349381685911397e-15,
    -2.2782966239546465174e-16, -6.3123304507564298107e-17, 3.5916763531814922997e-17,
)
# fmt: on
"""Chebyshev coefficients in 2t - 1 of exp(x²) · erfc(x) / t, with t = 2 / (2 + x) and x ≥ 0.

Interpolated at 60 nodes in 40 digits; the error is below 10⁻¹⁷.
"""
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
"""The Bernoulli numbers B₂, B₄, .."""
_TERMS = 10
"""So many terms of ζ(s, x) are added one by one."""


class SpecialFunctions(Rearrangement):
    """Elementwise functions that are put together from simpler ones."""

    __slots__ = ()

    def erfcx(self) -> Self:
        """Return exp(x²) · erfc(x), which falls slowly where erfc vanishes."""
        return _narrow(_scaled_erfc(_widen(self)), self)

    def erfc(self) -> Self:
        """Return 1 - erf(x), accurate also where that is close to 0."""
        x = _widen(self)
        size, sign = _split_sign(x)
        tail = (-(size * size)).exp() * _scaled_erfc(size)
        return _narrow((sign < 0).where(2.0 - tail, tail), self)

    def erfinv(self) -> Self:
        """Return the number whose ``erf`` is x; ±∞ at ±1 and NaN beyond.

        A closed approximation (S. Winitzki, "A handy approximation for the error function and its
        inverse", 2008) is refined by Halley's method, through which alone gradients flow.
        """
        x = _widen(self)
        size, sign = _split_sign(x)
        inside = (size < 1.0).where(size, 0.5)
        logarithm = (1.0 - inside).log() + inside.log1p()
        half = 2.0 / (math.pi * 0.147) + logarithm / 2.0
        root = ((half * half - logarithm / 0.147).sqrt() - half).clamp(0.0).sqrt().detach()
        for _ in range(3):
            missing = (inside < 0.5).where(root.erf() - inside, (1.0 - inside) - root.erfc())
            step = missing * (root * root).exp() * (math.sqrt(math.pi) / 2.0)
            root = root - step / (1.0 + root * step)
        found = (size < 1.0).where(root, (size == 1.0).where(math.inf, math.nan))
        return _narrow(found * sign, self)

    def logaddexp2(self, x: Self) -> Self:
        """Return log₂(2ˣ + 2ʸ), without undue overflow."""
        return (self * math.log(2.0)).logaddexp(x * math.log(2.0)) / math.log(2.0)

    def ldexp(self, exponent: Self) -> Self:
        """Return x · 2ᵉ."""
        return self * exponent.cast(as_float(self.node).dtype).exp2()

    def digamma(self) -> Self:
        """Return the derivative of ``lgamma``; NaN at the negative integers."""
        x = _widen(self)
        is_pole = (x < 0).logical_and(x.floor() == x)
        return _narrow(is_pole.where(math.nan, x.with_node(digamma(x.node))), self)

    def polygamma(self, n: int) -> Self:
        """Return the n-th derivative of ``digamma``; for n ≥ 1 of positive numbers only (else NaN).

        (-1)ⁿ⁺¹ n! ζ(n + 1, x), by the Euler-Maclaurin formula (Abramowitz and Stegun 6.4.10, 23.1).

        Raises:
            ArgumentError: n is negative.
        """
        if n < 0:
            raise ArgumentError("polygamma: the order is negative", got=n, expected="0 or more")
        if n == 0:
            return self.digamma()
        x = _widen(self)
        zeta = _hurwitz_zeta(float(n + 1), (x > 0).where(x, math.nan))
        factor = math.factorial(n) * (1.0 if n % 2 else -1.0)
        return _narrow(zeta * factor, self)


T = TypeVar("T", bound=SpecialFunctions)


def _widen(x: T) -> T:
    return x.with_node(as_float(x.node)).cast(dtypes.float64)


def _narrow(x: T, like: T) -> T:
    return x.cast(as_float(like.node).dtype)


def _split_sign(x: T) -> tuple[T, T]:
    """Return |x|, with the gradient of its right side at 0, and the sign, 1 or -1."""
    sign = x.with_node(x.as_operand(1.0)).copysign(x).detach()
    return x * sign, sign


def _scaled_erfc(x: T) -> T:
    """Return exp(x²) · erfc(x) in float64."""
    size, sign = _split_sign(x)
    t = 2.0 / (size + 2.0)
    z = t * 4.0 - 2.0
    last, before = z * 0.0, z * 0.0
    for coefficient in reversed(_SCALED_ERFC[1:]):  # by Clenshaw's recurrence
        last, before = z * last - before + coefficient, last
    positive = t * (z * last * 0.5 - before + _SCALED_ERFC[0] * 0.5)
    return (sign < 0).where((x * x).exp() * 2.0 - positive, positive)


def _hurwitz_zeta(s: float, x: T) -> T:
    """Return Σ (x + k)⁻ˢ over all k ≥ 0, for positive x in float64."""
    total = x.pow(-s)
    for k in range(1, _TERMS):
        total = total + (x + float(k)).pow(-s)
    last = x + float(_TERMS)
    total = total + last.pow(1.0 - s) / (s - 1.0) + last.pow(-s) * 0.5
    factor = s
    for j, bernoulli in enumerate(_BERNOULLI, 1):
        term = last.pow(-s - 2.0 * j + 1.0)
        total = total + term * (bernoulli / math.factorial(2 * j) * factor)
        factor *= (s + 2 * j - 1) * (s + 2 * j)
    return total

"""Derive the polynomials of the mathematical functions and write them as a Python module.

    python -m tools.derive_coefficients

For each function this finds the polynomial of the lowest degree that reaches a bound
(``fit_polynomials``), or polynomials around sixteen points (``derive_tables``). The module that it
writes is ``tilegrad.codegen.mathematics.coefficients``; it takes about two minutes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import mpmath
import numpy
from mpmath import mp, mpf

from tools.derive_tables import STEP, derive_table
from tools.fit_polynomials import Approximation, Fit, Function, round_number

_TARGET = (
    Path(__file__).resolve().parent.parent / "src/tilegrad/codegen/mathematics/coefficients.py"
)


def _series(function: Function, at_zero: float | mpf) -> Function:
    """Return the function with its limit at 0 filled in."""
    return lambda x: mpf(at_zero) if abs(x) < mpf(10) ** -25 else function(x)


def _define(
    name: str,
    meaning: str,
    function: Function,
    interval: tuple[float | mpf, float | mpf],
    weight: Function,
    bits: tuple[float | None, float | None],
) -> list[Approximation]:
    """Return the approximations of one function, for float32 and float64 as wanted."""
    low, high = map(mpf, interval)
    return [
        Approximation(f"{name}_{suffix}", meaning, function, low, high, weight, wanted, is_double)
        for wanted, suffix, is_double in zip(bits, ("F32", "F64"), (False, True), strict=True)
        if wanted is not None
    ]


def _from_small_exponential() -> list[Approximation]:
    sixteenth = mpmath.log(2) / 32 * mpf("1.0001")
    return [
        *_define(
            "EXPONENTIAL_NEAR",
            "(eʳ - 1 - r) / r² for |r| ≤ ln 2 / 32",
            _series(lambda r: (mpmath.expm1(r) - r) / r**2, 0.5),
            (-sixteenth, sixteenth),
            lambda r: r**2 if abs(r) > 1e-4 else mpf(1e-8),
            (27, None),
        ),
        *_define(
            "EXPONENTIAL2_NEAR",
            "(2ʳ - 1) / r for |r| ≤ 1/32",
            _series(lambda r: (mpf(2) ** r - 1) / r, mpmath.log(2)),
            (mpf("-0.03126"), mpf("0.03126")),
            lambda r: r if abs(r) > 1e-4 else mpf(1e-4),
            (27, None),
        ),
    ]


def _from_exponential() -> list[Approximation]:
    half_log2 = mpmath.log(2) / 2 * mpf("1.0001")
    root = mpmath.sqrt(2)
    return [
        *_define(
            "EXPONENTIAL",
            "(eʳ - 1 - r) / r² for |r| ≤ ln 2 / 2",
            _series(lambda r: (mpmath.expm1(r) - r) / r**2, 0.5),
            (-half_log2, half_log2),
            lambda r: r if abs(r) > 1e-3 else mpf(1e-3),
            (26, 57),
        ),
        *_define(
            "EXPONENTIAL2",
            "(2ʳ - 1) / r for |r| ≤ 1/2",
            _series(lambda r: (mpf(2) ** r - 1) / r, mpmath.log(2)),
            (-0.5001, 0.5001),
            lambda r: r if abs(r) > 1e-3 else mpf(1e-3),
            (27, 57),
        ),
        *_define(
            "LOGARITHM",
            "(ln(1 + f) - f + f²/2) / f³ for √½ - 1 ≤ f ≤ √2 - 1",
            _series(lambda f: (mpmath.log1p(f) - f + f**2 / 2) / f**3, mpf(1) / 3),
            (1 / root - 1, root - 1),
            lambda f: f**2 if abs(f) > 1e-2 else mpf(1e-4),
            (27, None),
        ),
        *itertools.chain.from_iterable(
            _define(
                name,
                "(ln((1 + s)/(1 - s)) - 2s) / s³ as a polynomial in s², |s| ≤ 3 - 2√2",
                _series(
                    lambda z: (
                        (2 * mpmath.atanh(mpmath.sqrt(z)) - 2 * mpmath.sqrt(z))
                        / mpmath.sqrt(z) ** 3
                    ),
                    mpf(2) / 3,
                ),
                (0, (3 - 2 * root) ** 2 * mpf("1.001")),
                lambda z: z if z > 1e-5 else mpf(1e-5),
                (None, bits),
            )
            for name, bits in (("LOGARITHM", 60), ("LOGARITHM_ROUGH", 42))
        ),
        *_define(
            "EXPONENTIAL_ROUGH",
            "(eʳ - 1 - r) / r² for |r| ≤ ln 2 / 2",
            _series(lambda r: (mpmath.expm1(r) - r) / r**2, 0.5),
            (-half_log2, half_log2),
            lambda r: r if abs(r) > 1e-3 else mpf(1e-3),
            (None, 36),
        ),
    ]


def _from_inverse_tangent_tail() -> list[Approximation]:
    root = mpmath.sqrt(2)
    quarter = (mp.pi / 4) ** 2 * mpf("1.0001")
    return [
        *_define(
            "INVERSE_TANGENT_TAIL",
            "(artanh s - s - s³/3) / s⁵ as a polynomial in s², |s| ≤ 3 - 2√2",
            _series(
                lambda z: (
                    (mpmath.atanh(mpmath.sqrt(z)) - mpmath.sqrt(z) - mpmath.sqrt(z) ** 3 / 3)
                    / mpmath.sqrt(z) ** 5
                ),
                mpf(1) / 5,
            ),
            (0, (3 - 2 * root) ** 2 * mpf("1.001")),
            lambda z: z**2 if z > 1e-3 else mpf(1e-6),
            (None, 68),
        ),
        *_define(
            "SINE",
            "(sin r - r) / r³ as a polynomial in r², |r| ≤ π/4",
            _series(
                lambda z: (mpmath.sin(mpmath.sqrt(z)) - mpmath.sqrt(z)) / mpmath.sqrt(z) ** 3,
                -mpf(1) / 6,
            ),
            (0, quarter),
            lambda z: z if z > 1e-3 else mpf(1e-3),
            (27, 57),
        ),
    ]


def _from_cosine() -> list[Approximation]:
    root = mpmath.sqrt(2)
    quarter = (mp.pi / 4) ** 2 * mpf("1.0001")
    return [
        *_define(
            "COSINE",
            "(cos r - 1 + r²/2) / r⁴ as a polynomial in r², |r| ≤ π/4",
            _series(
                lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2,
                mpf(1) / 24,
            ),
            (0, quarter),
            lambda z: z**2 if z > 1e-3 else mpf(1e-6),
            (27, 57),
        ),
        *_define(
            "TANGENT",
            "(tan r - r) / r³ as a polynomial in r², |r| ≤ π/4",
            _series(
                lambda z: (mpmath.tan(mpmath.sqrt(z)) - mpmath.sqrt(z)) / mpmath.sqrt(z) ** 3,
                mpf(1) / 3,
            ),
            (0, quarter),
            lambda z: z if z > 1e-3 else mpf(1e-3),
            (27, None),
        ),
        *_define(
            "ARCTANGENT",
            "(arctan t - t) / t³ as a polynomial in t², |t| ≤ tan π/8",
            _series(
                lambda z: (mpmath.atan(mpmath.sqrt(z)) - mpmath.sqrt(z)) / mpmath.sqrt(z) ** 3,
                -mpf(1) / 3,
            ),
            (0, (root - 1) ** 2 * mpf("1.001")),
            lambda z: z if z > 1e-3 else mpf(1e-3),
            (None, 57),
        ),
    ]


def _from_arcsine() -> list[Approximation]:
    return [
        *_define(
            "ARCSINE",
            "(arcsin t - t) / t³ as a polynomial in t², |t| ≤ 1/2",
            _series(
                lambda z: (mpmath.asin(mpmath.sqrt(z)) - mpmath.sqrt(z)) / mpmath.sqrt(z) ** 3,
                mpf(1) / 6,
            ),
            (0, mpf("0.2501")),
            lambda z: z if z > 1e-3 else mpf(1e-3),
            (None, 57),
        ),
        *_define(
            "ERROR_FUNCTION",
            "erf(x)/x - 1 as a polynomial in x², |x| ≤ 1",
            _series(
                lambda z: mpmath.erf(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1,
                2 / mpmath.sqrt(mp.pi) - 1,
            ),
            (0, 1),
            lambda _: mpf(1),
            (27, 57),
        ),
        *_define(
            "COMPLEMENTARY_ERROR",
            "ln erfc(x) for 1 ≤ x ≤ 4",
            lambda x: mpmath.log(mpmath.erfc(x)),
            (mpf("0.99"), 4),
            mpmath.erfc,
            (26, None),
        ),
        *_define(
            "COMPLEMENTARY_ERROR",
            "erfc(x) exp(x²) / t for t = 4/(4 + x), as a polynomial in t - 0.6, 1 ≤ x ≤ 6",
            lambda u: _scaled_complement(u + mpf("0.6")) / (u + mpf("0.6")),
            (mpf("-0.2"), mpf("0.2005")),
            lambda u: mpmath.erfc(4 / (u + mpf("0.6")) - 4) / _scaled_complement(u + mpf("0.6")),
            (None, 58),
        ),
        *_define(
            "LOG_GAMMA",
            "ln Γ(2 + d) / d for |d| ≤ 1/2",
            _series(lambda d: mpmath.loggamma(2 + d) / d, 1 - mp.euler),
            (-0.5, 0.5),
            lambda _: mpf(1),
            (None, 56),
        ),
    ]


def _approximations() -> list[Approximation]:
    return [
        *_from_small_exponential(),
        *_from_exponential(),
        *_from_inverse_tangent_tail(),
        *_from_cosine(),
        *_from_arcsine(),
    ]


def _scaled_complement(t: mpf) -> mpf:
    x = 4 / t - 4
    return mpmath.erfc(x) * mpmath.exp(x * x)


def _pieces(value: mpf, widths: tuple[int, ...], is_double: bool) -> list[float]:
    """Return numbers of so many bits each whose sum is the value to their joint precision."""
    pieces = []
    for width in widths:
        exponent = int(mpmath.floor(mpmath.log(abs(value), 2))) + 1 - width
        piece = mpmath.nint(value / mpf(2) ** exponent) * mpf(2) ** exponent
        piece = round_number(piece, is_double)
        pieces.append(float(piece))
        value -= piece
    return pieces


def _constants() -> list[tuple[str, str, list[float]]]:
    """Return name, meaning and value of the constants that are split into pieces."""
    log2_e, log10_e = 1 / mpmath.log(2), 1 / mpmath.log(10)
    log10_2 = mpmath.log(2) / mpmath.log(10)
    full = (53, 53)
    return [
        ("LN2_F32", "ln 2", _pieces(mpmath.log(2), (12, 24), False)),
        ("LN2_F64", "ln 2", _pieces(mpmath.log(2), (40, 53), True)),
        ("LOG2_E_F32", "1 / ln 2", _pieces(log2_e, (24, 24), False)),
        ("LOG2_E_F64", "1 / ln 2", _pieces(log2_e, (21, 53), True)),
        ("LOG10_E_F32", "1 / ln 10", _pieces(log10_e, (24, 24), False)),
        ("LOG10_E_F64", "1 / ln 10", _pieces(log10_e, (21, 53), True)),
        ("LOG10_2_F32", "log₁₀ 2", _pieces(log10_2, (12, 24), False)),
        ("LOG10_2_F64", "log₁₀ 2", _pieces(log10_2, (40, 53), True)),
        ("HALF_PI_SHORT_F64", "π/2", _pieces(mp.pi / 2, (33, 33, 33, 53), True)),
        ("HALF_PI_F32", "π/2", _pieces(mp.pi / 2, (24, 24, 24), False)),
        ("HALF_PI_F64", "π/2", _pieces(mp.pi / 2, full, True)),
        ("QUARTER_PI_F64", "π/4", _pieces(mp.pi / 4, full, True)),
        ("PI_F64", "π", _pieces(mp.pi, full, True)),
        ("THIRD_F64", "1/3", _pieces(mpf(1) / 3, full, True)),
    ]


def _reduction_table() -> list[float]:
    """Return 2/π · 2^(16 k) modulo 4 in four pieces for k = -2 to 60."""
    table: list[float] = []
    for k in range(-2, 61):
        value = mpf(2) ** (16 * k) * 2 / mp.pi
        value -= 4 * mpmath.floor(value / 4)
        table += _pieces(value, (53, 53, 53, 53), True)
    return table


def _short_reduction_table() -> list[float]:
    """Return 2/π · 2^E modulo 4 for E = -8 to 104, in pieces of 29 and 53 bits."""
    table: list[float] = []
    for exponent in range(-8, 105):
        value = mpf(2) ** exponent * 2 / mp.pi
        value -= 4 * mpmath.floor(value / 4)
        high = mpmath.nint(value * 2**27) / 2**27
        table += [float(high), float(value - high)]
    return table


def _power_table() -> list[int]:
    """Return 2^(j/16) for j = 0 to 15 as the bits of float32."""
    powers = [mpf(2) ** (mpf(j) / 16) for j in range(16)]
    return [int(numpy.float32(float(power)).view(numpy.uint32)) for power in powers]


_HEADER = '''"""Constants and coefficients of polynomials, lowest degree first.

Generated by tools/derive_coefficients.py. The comments give what each approximates and the
greatest weighted error that was found.
"""

'''


def _format(name: str, meaning: str, values: Sequence[float]) -> str:
    rows = "".join(f"    {value!r},\n" for value in values)
    return f"# {meaning}\n{name} = (\n{rows})\n"


def main() -> None:
    """Write the module."""
    mp.dps = 400
    texts = [
        _format("TWO_OVER_PI", "2/π · 2^(16 k) modulo 4, four pieces each", _reduction_table())
    ]
    meaning = "2/π · 2^E modulo 4 for E = -8 to 104: to 27 places, and the rest"
    texts.append(_format("TWO_OVER_PI_SHORT", meaning, _short_reduction_table()))
    texts += [_format(*constant) for constant in _constants()]
    meaning = "2^(j/16) for j = 0 to 15, the bits of float32"
    texts.append(_format("SIXTEENTH_POWERS_BITS", meaning, _power_table()))
    mp.dps = 80
    for approximation in _approximations():
        coefficients, bits = Fit(approximation).fit()
        sys.stderr.write(f"{approximation.name}: degree {len(coefficients) - 1}, 2^-{bits:.1f}\n")
        meaning = f"{approximation.meaning}; error 2^-{bits:.1f}"
        texts.append(_format(approximation.name, meaning, coefficients))
    meaning = f"erf around points about {float(STEP)} apart: these, erf there, five coefficients"
    rows = ["".join(f"        {bits},\n" for bits in row) for row in derive_table(mpmath.erf)]
    table = "".join(f"    (\n{row}    ),\n" for row in rows)
    texts.append(f"# {meaning}; bits\nERROR_FUNCTION_TABLE_BITS = (\n{table})\n")
    _TARGET.write_text(_HEADER + "\n".join(texts))


if __name__ == "__main__":
    main()

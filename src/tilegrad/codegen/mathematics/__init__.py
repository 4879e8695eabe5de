"""The mathematical functions as expressions of arithmetic.

Each function takes and gives nodes of dtype float32 or float64 and uses only ops that processors
have. Accuracy: within 1 to 2 units in the last place (ulp) unless a function says otherwise; NaN,
infinities, zeros and subnormal numbers give what IEEE 754 and C say. What float32 gains little by
computing in float32 is computed in float64 and rounded.

Formulas are written with ``building``, and where they must be, with ``double_double`` numbers,
``tables`` in registers and loops (``rounds``); their ``coefficients`` are fitted by a tool. Any
constant table is read by ``look_up``. Then come ``rounding``, ``exponential``, ``logarithm``,
``power``, ``trigonometry``, ``inverse``, ``hyperbolic``, ``special`` and ``remainder``.
"""

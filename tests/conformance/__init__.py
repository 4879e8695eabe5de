"""Generated conformance: every op, dtype by dtype, on every device, against independent formulas.

``cases`` yields what to compute, ``devices`` computes it, ``oracles`` says what must come out by
formulas that share nothing with the references, ``comparison`` compares. A new device is one more
entry in ``devices.DEVICES``.
"""

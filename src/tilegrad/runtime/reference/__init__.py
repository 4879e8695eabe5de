"""The reference runtime: tile programs executed instance by instance over NumPy arrays.

Slow and obvious; native code is checked against it. Every load and store is checked: its offsets
lie within the memory, what it reads has been written, its place in the order is stated, and, when
asked, no two instances of the grid meet in one element. `schedule.py` puts a program's nodes in
order, `memory.py` and `access.py` check, `interpreter.py` executes. Enter at
``interpreter.interpret``.
"""

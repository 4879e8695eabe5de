"""Kernels made fit, before anything is chosen: each rewrites a kernel, or makes one.

* For more sizes and instructions: ``generalise`` makes numbers and lengths scalars of the launch,
  ``join_short_rows`` makes short rows that follow each other one axis.
* For fewer walks along long rows: ``moments``.
* Made of programs by hand: ``raise_program``, after ``join_blocks``.
"""

"""Ops that bring a program of their own.

* ``scan``: running sums, products, maxima and minima.
* ``scatter``, whose axes are in ``scatter_layout`` and whose loops in ``scatter_loops``.
* ``sort`` by ``network_sort`` (of ``comparisons``), ``rank_sort``, ``radix_sort`` or ``selection``,
  all of them of a ``sort_key``.
"""

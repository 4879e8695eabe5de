"""From kernel to tile program: how a kernel is cut into instances, loops and tiles.

May import ``simplify`` and everything below it, not its siblings. Enter at ``derive``, which tries
one way after the other: streams, staged products, columns, and what suits every kernel. In reading
order:

* What all ways read: ``target`` (the processor), ``facts`` (what a kernel does), ``decisions``
  (every choice, and how to make it otherwise), ``environment`` (where each axis is at present),
  ``balance`` (how evenly instances fill the threads), ``uncached`` (what no cache holds).
* ``kernels``: kernels made fit for more sizes, fewer walks, and derivation at all.
* What suits every kernel: ``choices`` are its schedule. ``lower`` writes values and reductions,
  ``derivation`` the loops around them and the stores. Reductions to few results are cut up by
  ``split``, those down the columns of wide rows done by ``columns``; what two loops over a row need
  is ``kept``.
* ``memory``: long rows that are written past the caches, and computed with the next ones.
* ``products``: contractions, in tiles of registers, with panels for their factors.
* ``streams``: matrices that are never stored, such as attention's.
* ``operations``: ops that bring a program, such as scans and sorts.
"""

"""From kernel to tile program: how a kernel is cut into instances, loops and tiles.

May import ``simplify`` and everything below it, not its siblings. Enter at ``derive``, which tries
one way after the other: streams, staged products, columns, and what suits every kernel. In reading
order:

* What all ways read: ``target`` (the processor), ``facts`` (what a kernel does), ``decisions``
  (every choice, and how to make it otherwise), ``environment`` (where each axis is at present).
* Kernels made fit for more sizes and instructions: ``generalise``, ``join_short_rows``,
  ``padding``; for fewer walks along long rows: ``moments``; and made of programs by hand:
  ``raise_program``, ``join_blocks``.
* What suits every kernel: ``schedule`` is all that is chosen, by ``lanes``, ``registers``,
  ``short_rows``, ``turns``, ``order``, ``cuts`` and ``joined_rows``. ``lower`` writes values and
  reductions, ``derivation`` the loops around them and the stores. Reductions to few results are
  cut up by ``split``, those down the columns of wide rows done by ``columns``; what two loops over
  a row need is ``kept``.
* How memory is met: ``uncached`` tells large results, ``whole_lines`` and ``write_past_caches``
  write them; loads ask ``ahead``, and ``overlapped_rows`` computes the end of a row with the next
  one (by ``copies`` of loops).
* Products: ``contraction`` finds them, ``narrow`` those that matrix units multiply. ``staging`` is
  the plan of their panels; ``choose_staging`` chooses one, of ``side_options``, by
  ``staging_costs`` and by how evenly instances fill the threads (``balance``). ``staged`` writes
  the program: ``tiling``, ``terms`` and ``blocks`` say what a tile and a block of the sum have,
  ``supply``, ``packing``, ``windows`` and ``kept_panels`` how factors are read, ``correction`` what
  bytes that were raised are too large by.
* Matrices that are never stored: ``running`` is the law, ``stream`` finds them and ``reach`` what
  masks leave of them. ``stream_memory``, ``stream_blocks`` and ``stream_units`` choose sizes and
  units; ``stream_program`` writes the walk, ``stream_tiles`` its products and ``stream_rows`` the
  rest.
* Ops that bring a program: ``scan``; ``scatter`` (``scatter_layout``, ``scatter_loops``); ``sort``
  by ``network_sort`` (``comparisons``), ``rank_sort``, ``radix_sort`` or ``selection``, all of them
  of a ``sort_key``.
"""

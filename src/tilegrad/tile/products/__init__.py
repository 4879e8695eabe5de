"""Contractions: sums of products, in register tiles, whose factors are packed where that pays.

* ``contraction`` finds them, ``narrow`` those that matrix units multiply; ``padding`` makes sums of
  odd length whole words.
* ``staging`` is the plan of their panels. ``choose_staging`` chooses one, of ``side_options``, by
  ``staging_costs``.
* ``staged`` writes the program: ``tiling``, ``terms`` and ``blocks`` say what a tile and a block of
  the sum have, ``supply``, ``packing``, ``windows`` and ``kept_panels`` how factors are read,
  ``correction`` what bytes that were raised are too large by.
"""

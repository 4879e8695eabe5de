"""From tile programs to linear programs: vectors, addresses, masks, loops, mathematics.

Imports only ``base``, ``ir`` and ``ops``. Enter at ``lower``. In reading order:

* ``target`` is the processor. ``decompose`` writes what it lacks as expressions of what it has, by
  ``rules`` that share a ``decomposition``: functions (``mathematics``), ``integers``, floats that
  are ``narrow``, products (``matrix``).
* ``lower`` then puts every node into the outermost loop that it can be computed in, and cuts tiles
  into vectors: ``analysis`` is what it knows of the program, ``context`` what it has done so far,
  ``emitter`` where instructions go, ``layout`` which vectors a tile has.
* Index tiles are no vectors if it can be helped: ``index`` takes them apart, ``spread`` says what
  of them each vector has, ``addresses`` makes pointers of them, ``compare`` masks, ``division``
  quotients.
* Each kind of op: ``elementwise``; ``access`` (``alignment``) and ``atomic``; ``loops``;
  ``contraction``; ``reduction`` (``lane_groups``, ``lane_trees``) and ``scan``; ``rearrange``, by
  shuffles (``lanes``, ``interleave``) of what ``movement`` traces.
* Instructions are put in ``order`` last, as ``dependences`` allow and ``latency`` advises.
"""

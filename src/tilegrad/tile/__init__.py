"""From kernel to tile program: how a kernel is cut into instances, loops and tiles.

``facts`` reads a kernel, ``schedule`` chooses (which axis runs along the lanes of a vector, which
axes make register tiles, what is grid and what is loop; all of it data), ``lower`` writes the
program that follows. Kernels that are no index expressions (scan, sort, scatter) are written by
hand in the same language.

May import ``simplify`` and everything below it, not its siblings. Enter at ``derive``.
"""

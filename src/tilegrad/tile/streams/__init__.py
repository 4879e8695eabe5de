"""Matrices that are computed tile by tile and never stored, such as those of attention.

``running`` is the law, ``stream`` finds such matrices and ``reach`` what masks leave of them.
``sizes``, ``blocks`` and ``units`` choose tiles, bands and matrix units. ``program`` writes the
walk, ``tiles`` its products and ``rows`` the rest.
"""

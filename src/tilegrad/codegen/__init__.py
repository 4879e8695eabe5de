"""From tile programs to linear programs: vectors, addresses, masks, loops, mathematics.

Enter at ``lower.lower``. Imports only ``base``, ``ir`` and ``ops``. The steps: ``decompose`` writes
what processors lack as expressions of what they have; ``lower`` puts every node into the outermost
loop that it can be computed in and cuts tiles into vectors.
"""

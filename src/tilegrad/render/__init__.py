"""From linear programs to the text of a target: each module is one target's spelling.

Imports only ``base``, ``ir`` and ``ops``. Enter at ``llvm.render``.
"""

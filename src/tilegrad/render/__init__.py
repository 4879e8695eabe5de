"""From linear programs to the text of a target: each module is one target's spelling.

Imports only ``base``, ``ir`` and ``ops``. Enter at ``llvm``, which writes functions; the text of
one grows in a ``llvm_writer``, with types and constants as ``llvm_types`` spells them. Instructions
are spelt in ``llvm_values``, ``llvm_mathematics`` and ``llvm_look_up`` (both through
``llvm_registers``), ``llvm_memory``, ``llvm_loops`` and ``llvm_matrix``. ``assembly`` makes what
LLVM gives back readable.
"""

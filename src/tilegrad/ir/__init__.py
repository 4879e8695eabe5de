"""The one intermediate representation: dtypes, interned nodes, op definitions, dialects, text form.

Imports only ``tilegrad.base`` (and NumPy for the equivalents of dtypes). Enter at ``node``. In
reading order:

* Programs: a ``dtype``, a ``node``, the ``op`` that it applies, and the ``dialect`` that the op
  belongs to. ``scope`` says which loops a node is computed in; a ``digest`` is the same for equal
  programs in every process.
* Their text: ``text`` writes lines, ``expression`` what stands in them, ``literal`` constants.
  ``parser`` reads lines, ``phrase`` what stands in them with a ``cursor``, word by word (``lexer``,
  ``words``); ``record`` makes attributes of it. ``explain`` points at a node in its program.
"""

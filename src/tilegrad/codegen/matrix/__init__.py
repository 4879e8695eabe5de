"""Matrix products by what a processor has for them: units with tiles, dot products within lanes.

``units`` finds the ``unit`` for a ``dot``; ``decompose`` takes such a ``dot`` apart into ``hold``,
``accumulate`` and ``release``, and ``carry`` lets loops carry what is held. ``words`` reads
operands, into ``registers`` if need be; ``dot_products`` and ``tiles`` are the units. ``groups``
are sums of products of bytes that are no ``dot`` and take the same instructions. May import the
rest of ``codegen`` but for ``decompose``, ``rules`` and ``lower``, which use it.
"""

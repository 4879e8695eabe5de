"""Matrix products by what a processor has for them: units with tiles, dot products within lanes.

``units`` finds the unit for a ``dot``; ``decompose`` takes such a ``dot`` apart into ``hold``,
``accumulate`` and ``release``, and ``carry`` lets loops carry what is held. ``words`` reads
operands; ``dot_products`` and ``tiles`` are the units. May import the rest of ``codegen`` but for
``decompose``, ``rules`` and ``lower``, which use it.
"""

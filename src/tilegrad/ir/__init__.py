"""The one intermediate representation: dtypes, interned nodes, op definitions, dialects, text form.

Imports only ``tilegrad.base`` (and NumPy for the equivalents of dtypes). Enter at ``node``.
"""

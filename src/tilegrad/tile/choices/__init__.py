"""The schedule of a kernel that is neither a stream nor a product: all that is chosen, as data.

``schedule`` asks the others, one question each: along which axis the ``lanes`` run; what results
``registers`` keep at once; whether ``short_rows`` are reduced together; which accesses are
``turns``, read one way and written the other; in which ``order`` axes are walked; where ``cuts``
make conditions constant; and which ``joined_rows`` are written together. Last, loads may ask
``ahead`` for what comes next.
"""

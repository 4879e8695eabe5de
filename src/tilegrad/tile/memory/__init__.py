"""How programs that write long rows meet memory.

What is too large for the caches (``uncached``, one package up) is written past them:
``whole_lines`` writes rows line by line, ``write_past_caches`` changes programs with loops of their
own. ``overlapped_rows`` computes the end of a row with the next one, by ``copies`` of loops.
"""

"""GGUF: files of language models, whose weights are computed on as they are stored.

Enter at `read_gguf`. `header.py` and `texts.py` read what a file says, `metadata.py` finds values
in it; `reader.py` maps the file into memory, and `stacks.py` finds matrices of experts that a file
has one by one. `blocks.py` and `formats.py` say how blocks of quantised numbers become floats, as
lazy expressions that fuse into whatever uses them. `weight.py` multiplies by a stored matrix,
`products.py` and `few_rows.py` a few rows by it, `experts.py` rows by several matrices.
"""

from tilegrad.frontend.gguf.formats import FORMATS
from tilegrad.frontend.gguf.metadata import find_value, find_values
from tilegrad.frontend.gguf.reader import GGUFFile, read_gguf
from tilegrad.frontend.gguf.weight import Weight

__all__ = ["FORMATS", "GGUFFile", "Weight", "find_value", "find_values", "read_gguf"]

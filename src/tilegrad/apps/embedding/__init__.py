"""Vectors of sentences: those that mean alike point alike.

Enter at `SentenceEncoder`, which reads a folder as sentence-transformers writes them;
`find_encoder` finds the one that a package on this machine carries. `folder.py` reads what such a
folder says.
"""

from tilegrad.apps.embedding.sentence_encoder import SentenceEncoder, find_encoder

__all__ = ["SentenceEncoder", "find_encoder"]

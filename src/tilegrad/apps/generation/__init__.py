"""Predicting tokens for several sequences at once, with what is known of them in pages of memory.

Enter at `Decoder`; `model.py` says what a model has to be. `pages.py` says which page is whose and
which can be used again; the pages themselves are in ``apps/models/memory.py``.
"""

from tilegrad.apps.generation.decoder import Decoder
from tilegrad.apps.generation.model import Model
from tilegrad.apps.generation.sequence import Sequence

__all__ = ["Decoder", "Model", "Sequence"]

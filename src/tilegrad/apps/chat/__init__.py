"""Talking to a language model, and letting it complete texts.

Enter at `run_chat`, which `tilegrad chat` calls. `find_model.py` finds the file, `tokeniser.py`,
`vocabulary.py` and `template.py` read its tokeniser and chat template, `sampling.py` chooses among
the tokens that a decoder (``apps/generation``) predicts, `reply.py` turns them into text,
`display.py` shows it.
"""

from tilegrad.apps.chat.reply import Reply, complete
from tilegrad.apps.chat.run import ChatOptions, run_chat
from tilegrad.apps.chat.sampling import Sampling
from tilegrad.apps.chat.template import ChatTemplate
from tilegrad.apps.chat.tokeniser import Tokeniser

__all__ = [
    "ChatOptions",
    "ChatTemplate",
    "Reply",
    "Sampling",
    "Tokeniser",
    "complete",
    "run_chat",
]

"""Serving a language model to many clients at once, over the API of OpenAI.

Enter at `run_server`, which `tilegrad serve` calls. `application.py` has the paths;
`connection.py`, `guard.py`, `requests.py` and `limits.py` say what is let through; `plan.py` makes
a request ready for the model, with `grammar.py` where the reply has to fit a schema; `scheduler.py`
is the one thread that owns the model, and `writer.py` one reply of it; `job.py` and `exchange.py`
are how that thread and the event loop talk; `answers.py` and `shapes.py` are what is sent;
`metrics.py` counts.
"""

from tilegrad.apps.serve.limits import Limits
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.apps.serve.run import run_server

__all__ = ["Limits", "ServeOptions", "run_server"]

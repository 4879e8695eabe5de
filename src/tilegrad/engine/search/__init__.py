"""Search: candidates for the schedule of each kernel, measured against the default.

``subject`` says what can be decided about a kernel, ``bench`` runs a schedule on memory like the
program's own, ``race`` compares several on a machine that does other things too, ``climb`` goes
from one decision to the next, and ``search`` shares the time among the kernels of a profile.

May import the rest of ``engine``. Enter at ``search``.
"""

from tilegrad.engine.search.climb import Outcome
from tilegrad.engine.search.race import Standing, race
from tilegrad.engine.search.search import Search

__all__ = ["Outcome", "Search", "Standing", "race"]

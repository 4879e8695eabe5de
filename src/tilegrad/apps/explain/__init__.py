"""`tilegrad explain`: a script's kernels, what they cost, and each of them stage by stage.

Enter at ``explain_script``. Imports what ``apps`` may: everything below it.
"""

from tilegrad.apps.explain.run import explain_script
from tilegrad.apps.explain.stages import STAGES

__all__ = ["STAGES", "explain_script"]

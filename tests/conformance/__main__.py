"""Lists where the cpu device and the references disagree: ``python -m tests.conformance [OP]``."""

from __future__ import annotations

import sys

from tests.conformance.agreement import disagreements
from tilegrad.engine import current_session


def main(names: list[str]) -> int:
    """Print every disagreement (of the ops named, or of all); return the exit status."""
    executor = current_session().executor("cpu")
    count = 0
    for case, reason in disagreements(executor, names):
        count += 1
        sys.stdout.write(f"{case.name}: {reason}\n")
    sys.stdout.write(f"{count} disagreements\n")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

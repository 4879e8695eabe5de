"""The process of one program: it answers requests, one JSON object a line each way.

Usage: ``python -m benchmarks.chat.worker PROGRAM FILE CONTEXT THREADS``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.chat.players import PLAYERS, memory


def main(name: str, path: str, context: str, threads: str) -> None:
    """Answer until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the error stream
    try:
        player = PLAYERS[name](Path(path), int(context), int(threads))
    except ImportError as error:
        answers.write(json.dumps({"failed": str(error)}) + "\n")
        return
    for line in sys.stdin:
        request = json.loads(line)
        before = time.process_time()
        turn = player.take_turn(request["prompt"], request["count"])
        used = time.process_time() - before
        answer = {**turn._asdict(), "cpu": used, "version": player.version, **memory()}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

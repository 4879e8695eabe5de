"""tilegrad beside its rivals: ``make bench``, or ``python -m benchmarks --help``.

`libraries/` has an adapter for each library, all with the same methods; `networks/` and `cases/`
are written once against those. Each library runs in a process of its own (`worker.py`), to which
`process.py` speaks; `compare.py` takes turns between them, so that what the machine does meanwhile
strikes all alike; `report.py` and `plot.py` write what came out into `results/`.

`scaling.py` measures how the compiler's time grows with the graph, `dispatch.py` and `rewrite.py`
single parts of tilegrad; these are run by themselves.
"""

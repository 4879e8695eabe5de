"""Language models side by side: tilegrad, llama.cpp and tinygrad read and write with one file.

``python -m benchmarks.chat`` starts a process of each (`worker.py`, `players.py`), lets them take
turns, and writes the medians to ``benchmarks/results/chat.md`` and ``chat.json``.
"""

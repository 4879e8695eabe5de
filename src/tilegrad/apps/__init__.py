"""Whole workloads that users run: data sets, models, training, and what `tilegrad info` tells.

`datasets/` loads images with their labels, `models/` builds networks, `training/` trains one on the
other with live progress; `generation/` lets one predict tokens, `chat/` and `serve/` let people
talk to it, `embedding/` turns sentences into vectors. `explain/` and `tuning.py` look at a script's
kernels, `information.py` describes the machine and the settings, `cache.py` looks after the
cache directory, and `kernels/` are written by hand, to learn from. Each is an ordinary function
that scripts may call; the command line (`cli`) only parses arguments. May import everything below;
shows its progress with rich.
"""

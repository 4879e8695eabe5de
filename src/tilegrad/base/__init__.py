"""What every other package stands on: errors, settings and the trace. Standard library only.

``errors`` is the tree of all errors, ``settings`` what is read from the environment. ``events`` are
what the compiler and the runtime tell of what they do, ``trace`` hands them to whoever listens, and
``trace_files`` to files.
"""

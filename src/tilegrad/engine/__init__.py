"""The engine: the only place where the compiler and the devices meet.

A ``Session`` owns the devices, the caches, the settings and the trace. ``Session.realize`` takes
nodes of the tensor graph and returns them as buffers. May import everything below ``tensor``.
"""

from tilegrad.engine.session import Session, current_session

__all__ = ["Session", "current_session"]

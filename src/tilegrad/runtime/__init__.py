"""Programs plus buffers give results: the devices.

A device is four small parts (`device.py`): an allocator, a compiler, the programs it loads and a
queue that runs recorded launches. `buffer.py` is the memory that they all speak of, `dlpack.py`
its exchange with other libraries. Each device has a package of its own; `cpu/` is the first.

A device knows nothing of tensors, kernels' meaning or caches; the engine brings those. This
package imports the standard library, NumPy, llvmlite and `tilegrad.base`.
"""

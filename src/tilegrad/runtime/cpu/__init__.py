"""The CPU device: kernels compiled by LLVM, run by a pool of threads, all from a pip install.

There is no C compiler and no compiled extension. What has to be native is LLVM IR: the kernels,
which the code generator writes, and the launcher in `native/`, written by hand; llvmlite's LLVM
compiles both in this process.

From source to result, file by file:

- `host.py` reads what the operating system says of the machine, `target.py` makes of it a
  `CpuTarget` to generate code for: this processor, a narrower one, or a foreign one.
- `compiler.py` turns IR into an object file (which the engine keeps on disk) by `generator.py`, the
  part that loads LLVM, when something is to be compiled; `llvm.py` is where llvmlite is touched.
  `loader.py` turns an object file into addresses, on `elf.py`: without LLVM, but for machines whose
  objects `elf.py` does not know.
- `memory.py` gives buffers and keeps what is freed, on `pages.py`.
- `recording.py` lays launches out in memory once; `queue.py` runs such a recording any number of
  times by one native call each; `pool.py` has the worker threads; `layout.py` says where things lie
  in the memory that they share with `native/`.
- `device.py` puts the parts together. Enter there. `fork.py` is about processes that fork.

A kernel is `void name(i64* arguments, i64 begin, i64 end)`: it executes the grid's blocks
begin .. end - 1, reading addresses and integers from 8-byte slots. A launch's blocks are cut into
units of `chunk` blocks. Launches that do not depend on each other form a group, whose units any
thread may take; groups follow each other. A group of one unit runs on the calling thread and wakes
nobody.

Python's signal handlers run only between Python's instructions, so a native call must come back now
and then. `run` returns every 50 ms, between two units, and is called again; the workers go on
meanwhile, so nothing is lost by it. An interrupt therefore waits for the units under way: chunks
should stay below some tens of milliseconds.

Kernels run with IEEE's defaults: denormals kept, rounding to nearest. How the threads agree without
locks is told, with the ordering that it needs, in `native/__init__.py`.
"""

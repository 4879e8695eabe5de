"""Kernels in LLVM IR that the tests of the CPU runtime run."""

from __future__ import annotations

from tilegrad.runtime.cpu.device import CpuDevice
from tilegrad.runtime.cpu.loader import Loaded

# mix: result[b] = 31 * result[b] + factor * source[(7 * b + 3) % length], wrapping around.
# mix_finish: adds the sum of the result and 1 to the two words of a summary.
#   arguments: result, source, factor, length, summary
MIX = """
define void @mix(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %result = load ptr, ptr %arguments
  %source.at = getelementptr i64, ptr %arguments, i64 1
  %source = load ptr, ptr %source.at
  %factor.at = getelementptr i64, ptr %arguments, i64 2
  %factor = load i64, ptr %factor.at
  %length.at = getelementptr i64, ptr %arguments, i64 3
  %length = load i64, ptr %length.at
  br label %next
next:
  %block = phi i64 [ %begin, %entry ], [ %block.next, %body ]
  %is.more = icmp slt i64 %block, %end
  br i1 %is.more, label %body, label %done
body:
  %scaled = mul i64 %block, 7
  %shifted = add i64 %scaled, 3
  %from = urem i64 %shifted, %length
  %from.at = getelementptr i64, ptr %source, i64 %from
  %value = load i64, ptr %from.at
  %product = mul i64 %value, %factor
  %to.at = getelementptr i64, ptr %result, i64 %block
  %old = load i64, ptr %to.at
  %grown = mul i64 %old, 31
  %new = add i64 %grown, %product
  store i64 %new, ptr %to.at
  %block.next = add i64 %block, 1
  br label %next
done:
  ret void
}

define void @mix_finish(ptr %arguments) nounwind {
entry:
  %result = load ptr, ptr %arguments
  %length.at = getelementptr i64, ptr %arguments, i64 3
  %length = load i64, ptr %length.at
  %summary.at = getelementptr i64, ptr %arguments, i64 4
  %summary = load ptr, ptr %summary.at
  %calls.at = getelementptr i64, ptr %summary, i64 1
  br label %next
next:
  %index = phi i64 [ 0, %entry ], [ %index.next, %body ]
  %sum = phi i64 [ 0, %entry ], [ %sum.next, %body ]
  %is.more = icmp slt i64 %index, %length
  br i1 %is.more, label %body, label %done
body:
  %at = getelementptr i64, ptr %result, i64 %index
  %value = load i64, ptr %at
  %sum.next = add i64 %sum, %value
  %index.next = add i64 %index, 1
  br label %next
done:
  %before = load i64, ptr %summary
  %after = add i64 %before, %sum
  store i64 %after, ptr %summary
  %calls = load i64, ptr %calls.at
  %calls.after = add i64 %calls, 1
  store i64 %calls.after, ptr %calls.at
  ret void
}
"""

# toil: for each block, counts up and down for a while and then adds 1 to a counter.
#   arguments: counter, how many rounds a block takes
TOIL = """
define void @toil(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %counter = load ptr, ptr %arguments
  %rounds.at = getelementptr i64, ptr %arguments, i64 1
  %scratch = alloca i64
  br label %next
next:
  %block = phi i64 [ %begin, %entry ], [ %block.next, %count ]
  %is.more = icmp slt i64 %block, %end
  br i1 %is.more, label %body, label %done
body:
  %rounds = load i64, ptr %rounds.at
  br label %round
round:
  %turn = phi i64 [ 0, %body ], [ %turn.next, %round ]
  store volatile i64 %turn, ptr %scratch
  %turn.next = add i64 %turn, 1
  %is.busy = icmp slt i64 %turn.next, %rounds
  br i1 %is.busy, label %round, label %count
count:
  atomicrmw add ptr %counter, i64 1 monotonic
  %block.next = add i64 %block, 1
  br label %next
done:
  ret void
}
"""

# who: notes the thread that does each block.
#   arguments: an array of threads
WHO = """
declare i64 @pthread_self()

define void @who(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %threads = load ptr, ptr %arguments
  %thread = call i64 @pthread_self()
  br label %next
next:
  %block = phi i64 [ %begin, %entry ], [ %block.next, %body ]
  %is.more = icmp slt i64 %block, %end
  br i1 %is.more, label %body, label %done
body:
  %at = getelementptr i64, ptr %threads, i64 %block
  store i64 %thread, ptr %at
  %block.next = add i64 %block, 1
  br label %next
done:
  ret void
}
"""

# die: on any thread but the given one, ends the thread by a raw system call of x86-64 Linux, but
# first adds 1 to a counter; the given thread waits for that.
#   arguments: counter, number of the thread that survives
DIE = """
declare i64 @syscall(i64, ...)

define void @die(ptr %arguments, i64 %begin, i64 %end) nounwind {
entry:
  %counter = load ptr, ptr %arguments
  %survivor.at = getelementptr i64, ptr %arguments, i64 1
  %survivor = load i64, ptr %survivor.at
  %thread = call i64 (i64, ...) @syscall(i64 186)
  %is.survivor = icmp eq i64 %thread, %survivor
  br i1 %is.survivor, label %wait, label %exit
exit:
  atomicrmw add ptr %counter, i64 1 seq_cst
  call i64 (i64, ...) @syscall(i64 60, i64 0)
  ret void
wait:
  %deaths = load atomic i64, ptr %counter seq_cst, align 8
  %is.alone = icmp ne i64 %deaths, 0
  br i1 %is.alone, label %done, label %wait
done:
  ret void
}
"""


def load_kernel(device: CpuDevice, source: str) -> Loaded:
    """Compile and load one of them."""
    return device.compiler.load(device.compiler.compile(source))

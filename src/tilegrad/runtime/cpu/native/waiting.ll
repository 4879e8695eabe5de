; Wait until a worker's BUSY is clear: look, then sleep. Returns UNFINISHED after the deadline.
define internal i64 @await_worker(ptr %pool, ptr %busy, i64 %deadline) nounwind {
entry:
  %state.entry = load atomic i64, ptr %busy seq_cst, align 8
  %is.free = icmp eq i64 %state.entry, 0
  br i1 %is.free, label %done, label %start
start:
  %began = call i64 @now()
  %waiting.at = getelementptr i8, ptr %pool, i64 $WAITING_HALF
  %completion.at = getelementptr i8, ptr %pool, i64 $COMPLETION_HALF
  br label %spin
spin:
  %turn = phi i64 [ 1, %start ], [ %turn.next, %again ], [ %turn.next, %clock ]
  $PAUSE
  %state = load atomic i64, ptr %busy acquire, align 8
  %is.done = icmp eq i64 %state, 0
  br i1 %is.done, label %done, label %again
again:
  %turn.next = add i64 %turn, 1
  %low = and i64 %turn, 31
  %is.due = icmp eq i64 %low, 0
  br i1 %is.due, label %clock, label %spin
clock:
  %is.looking = call i1 @keep_looking(ptr %pool, i64 %began)
  br i1 %is.looking, label %spin, label %sleep
sleep:
  atomicrmw xchg ptr %waiting.at, i32 1 seq_cst
  %epoch = load atomic i32, ptr %completion.at seq_cst, align 4
  %state.last = load atomic i64, ptr %busy seq_cst, align 8
  %is.over = icmp eq i64 %state.last, 0
  br i1 %is.over, label %woken, label %limit
limit:
  %time.now = call i64 @now()
  %is.early = icmp ult i64 %time.now, %deadline
  br i1 %is.early, label %wait, label %late
wait:
  %rest = sub i64 %deadline, %time.now
  call void @futex_wait(ptr %completion.at, i32 %epoch, i64 %rest)
  br label %sleep
woken:
  store atomic i32 0, ptr %waiting.at monotonic, align 4
  br label %done
late:
  store atomic i32 0, ptr %waiting.at monotonic, align 4
  ret i64 $UNFINISHED
done:
  ret i64 $DONE
}

; Wait until no worker is busy. Returns UNFINISHED after the deadline.
define internal i64 @await(ptr %pool, i64 %deadline) nounwind {
entry:
  %workers.at = getelementptr i8, ptr %pool, i64 $WORKERS
  %workers = load i64, ptr %workers.at
  br label %next
next:
  %index = phi i64 [ 0, %entry ], [ %index.next, %wait ]
  %is.end = icmp uge i64 %index, %workers
  br i1 %is.end, label %done, label %wait
wait:
  %index.next = add i64 %index, 1
  %offset = mul i64 %index, $WORKER_WORDS
  %lines = getelementptr i8, ptr %pool, i64 $POOL_WORDS
  %busy = getelementptr i8, ptr %lines, i64 %offset
  %status = call i64 @await_worker(ptr %pool, ptr %busy, i64 %deadline)
  %is.late = icmp eq i64 %status, $UNFINISHED
  br i1 %is.late, label %late, label %next
late:
  ret i64 $UNFINISHED
done:
  ret i64 $DONE
}

define internal i64 @slice_end(ptr %pool) nounwind {
  %slice.at = getelementptr i8, ptr %pool, i64 $SLICE_NS
  %slice = load i64, ptr %slice.at
  %time = call i64 @now()
  %deadline = add i64 %time, %slice
  ret i64 %deadline
}

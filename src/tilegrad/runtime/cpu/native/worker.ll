; Until the next region opens: ask for what it reads, into the second cache, from the end back, as
; workers claim units. Of the last $AHEAD_LINES lines each worker asks for a part of its own; after
; every eighth the region may have opened.
define internal void @ask_ahead(ptr %pool, i64 %index) nounwind {
entry:
  %workers.at = getelementptr i8, ptr %pool, i64 $WORKERS
  %workers = load i64, ptr %workers.at
  %part = udiv i64 $AHEAD_LINES, %workers
  %from = mul i64 %part, %index
  %to = add i64 %from, %part
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  %spans = getelementptr i8, ptr %pool, i64 $AHEAD
  br label %span
span:
  %offset = phi i64 [ $AHEAD_WORDS, %entry ], [ %offset.next, %look ]
  %count = phi i64 [ 0, %entry ], [ %passed, %look ]
  %is.over = icmp eq i64 %offset, 0
  br i1 %is.over, label %done, label %begin
begin:
  %offset.next = sub i64 %offset, 16
  %first.at = getelementptr i8, ptr %spans, i64 %offset.next
  %first = load atomic i64, ptr %first.at monotonic, align 8
  %behind.at = getelementptr i8, ptr %first.at, i64 8
  %behind = load atomic i64, ptr %behind.at monotonic, align 8
  br label %look
look:
  %end = phi i64 [ %behind, %begin ], [ %start, %burst ], [ %start, %ask ]
  %passed = phi i64 [ %count, %begin ], [ %passed.next, %burst ], [ %passed.next, %ask ]
  %is.left = icmp ugt i64 %end, %first
  br i1 %is.left, label %check, label %span
check:
  %unclaimed = load atomic i64, ptr %unclaimed.at acquire, align 8
  %is.closed = icmp eq i64 %unclaimed, 0
  %is.few = icmp ult i64 %passed, %to
  %goes.on = and i1 %is.closed, %is.few
  br i1 %goes.on, label %burst, label %done
burst:
  %start = sub i64 %end, 512
  %passed.next = add i64 %passed, 8
  %is.own = icmp uge i64 %passed, %from
  br i1 %is.own, label %ask, label %look
ask:
  %line = phi i64 [ 0, %burst ], [ %line.next, %ask ]
  %line.next = add i64 %line, 64
  %back = sub i64 %end, %line.next
  %place = inttoptr i64 %back to ptr
  call void @llvm.prefetch.p0(ptr %place, i32 0, i32 2, i32 1)
  %is.last = icmp eq i64 %line.next, 512
  br i1 %is.last, label %look, label %ask
done:
  ret void
}

define void @worker(ptr %pool, i64 %index) nounwind {
entry:
  %offset = mul i64 %index, $WORKER_WORDS
  %lines = getelementptr i8, ptr %pool, i64 $POOL_WORDS
  %line = getelementptr i8, ptr %lines, i64 %offset
  %busy = getelementptr i8, ptr %line, i64 $BUSY
  %thread.at = getelementptr i8, ptr %line, i64 $THREAD
  %choice.at = getelementptr i8, ptr %line, i64 $CHOICE
  %mask = getelementptr i8, ptr %line, i64 $MASK
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  %epoch.at = getelementptr i8, ptr %pool, i64 $EPOCH_HALF
  %sleepers.at = getelementptr i8, ptr %pool, i64 $SLEEPERS_HALF
  %shutdown.at = getelementptr i8, ptr %pool, i64 $SHUTDOWN_HALF
  %waiting.at = getelementptr i8, ptr %pool, i64 $WAITING_HALF
  %completion.at = getelementptr i8, ptr %pool, i64 $COMPLETION_HALF
  %thread = call i64 (i64, ...) @syscall(i64 $SYSCALL_GETTID)
  store atomic i64 %thread, ptr %thread.at release, align 8
  br label %idle
idle:
  %began = call i64 @now()
  br label %spin
spin:
  %turn = phi i64 [ 1, %idle ], [ %turn.next, %pause ], [ %turn.next, %clock ]
  %left = load atomic i64, ptr %unclaimed.at acquire, align 8
  %is.empty = icmp eq i64 %left, 0
  br i1 %is.empty, label %pause, label %join
pause:
  $PAUSE
  %turn.next = add i64 %turn, 1
  %low = and i64 %turn, 31
  %is.due = icmp eq i64 %low, 0
  br i1 %is.due, label %check, label %spin
check:
  %shutdown = load atomic i32, ptr %shutdown.at acquire, align 4
  %is.wanted = icmp eq i32 %shutdown, 0
  br i1 %is.wanted, label %clock, label %leave
clock:
  %is.looking = call i1 @keep_looking(ptr %pool, i64 %began)
  br i1 %is.looking, label %spin, label %sleep
join:
  atomicrmw xchg ptr %busy, i64 1 seq_cst
  call i64 @work(ptr %pool, i64 -1)
  atomicrmw xchg ptr %busy, i64 0 seq_cst
  %waiting = load atomic i32, ptr %waiting.at seq_cst, align 4
  %is.waiting = icmp ne i32 %waiting, 0
  br i1 %is.waiting, label %tell, label %ahead
tell:
  call void @futex_wake(ptr %completion.at, i32 1)
  br label %ahead
ahead:
  call void @ask_ahead(ptr %pool, i64 %index)
  br label %idle
sleep:
  store atomic i64 $CHOICE_OPEN, ptr %choice.at release, align 8
  %epoch = load atomic i32, ptr %epoch.at seq_cst, align 4
  atomicrmw add ptr %sleepers.at, i32 1 seq_cst
  %left.last = load atomic i64, ptr %unclaimed.at seq_cst, align 8
  %has.none = icmp eq i64 %left.last, 0
  %shutdown.last = load atomic i32, ptr %shutdown.at seq_cst, align 4
  %is.kept = icmp eq i32 %shutdown.last, 0
  %may.sleep = and i1 %has.none, %is.kept
  br i1 %may.sleep, label %wait, label %rise
wait:
  call void @futex_wait(ptr %epoch.at, i32 %epoch, i64 0)
  br label %rise
rise:
  atomicrmw sub ptr %sleepers.at, i32 1 seq_cst
  br label %choose
choose:
  %swapped = cmpxchg ptr %choice.at, i64 $CHOICE_OPEN, i64 $CHOICE_NONE acq_rel acquire
  %choice = extractvalue { i64, i1 } %swapped, 0
  switch i64 %choice, label %idle [ i64 $CHOICE_BEGUN, label %choose.later
                                    i64 $CHOICE_NARROWED, label %widen ]
choose.later:
  call i64 (i64, ...) @syscall(i64 $SYSCALL_SCHED_YIELD)
  br label %choose
widen:
  call i64 (i64, ...) @syscall(i64 $SYSCALL_SCHED_SETAFFINITY, i64 0, i64 $MASK_WORDS, ptr %mask)
  store atomic i64 $CHOICE_NONE, ptr %choice.at release, align 8
  br label %idle
leave:
  store atomic i64 0, ptr %thread.at release, align 8
  ret void
}

define void @shutdown(ptr %pool) nounwind {
  %shutdown.at = getelementptr i8, ptr %pool, i64 $SHUTDOWN_HALF
  atomicrmw xchg ptr %shutdown.at, i32 1 seq_cst
  %epoch.at = getelementptr i8, ptr %pool, i64 $EPOCH_HALF
  call void @futex_wake(ptr %epoch.at, i32 2147483647)
  ret void
}

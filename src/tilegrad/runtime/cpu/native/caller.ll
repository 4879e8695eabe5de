; Before sleeping workers are woken: let them use every processor that they may but the caller's.
; Linux often wakes a thread where its waker runs, and there it waits while others are idle. Each
; worker takes the processors back that this takes from it when it rises. Whatever the system
; refuses is left as it is.
define internal void @steer(ptr %pool) nounwind {
entry:
  %narrow = alloca [$MASK_WORDS x i8], align 8
  %cpu = call i32 @sched_getcpu()
  %is.known = icmp ult i32 %cpu, 1024
  br i1 %is.known, label %prepare, label %done
prepare:
  %cpu.word = lshr i32 %cpu, 6
  %cpu.bit = and i32 %cpu, 63
  %shift = zext i32 %cpu.bit to i64
  %bit = shl i64 1, %shift
  %kept = xor i64 %bit, -1
  %word.at = getelementptr i64, ptr %narrow, i32 %cpu.word
  %workers.at = getelementptr i8, ptr %pool, i64 $WORKERS
  %workers = load i64, ptr %workers.at
  br label %next
next:
  %index = phi i64 [ 0, %prepare ], [ %index.next, %skip ]
  %is.end = icmp uge i64 %index, %workers
  br i1 %is.end, label %done, label %look
look:
  %offset = mul i64 %index, $WORKER_WORDS
  %lines = getelementptr i8, ptr %pool, i64 $POOL_WORDS
  %line = getelementptr i8, ptr %lines, i64 %offset
  %choice.at = getelementptr i8, ptr %line, i64 $CHOICE
  %swapped = cmpxchg ptr %choice.at, i64 $CHOICE_OPEN, i64 $CHOICE_BEGUN acq_rel monotonic
  %is.mine = extractvalue { i64, i1 } %swapped, 1
  br i1 %is.mine, label %note, label %skip
note:
  %thread.at = getelementptr i8, ptr %line, i64 $THREAD
  %thread = load atomic i64, ptr %thread.at acquire, align 8
  %mask = getelementptr i8, ptr %line, i64 $MASK
  %bytes = call i64 (i64, ...) @syscall(i64 $SYSCALL_SCHED_GETAFFINITY, i64 %thread, i64 $MASK_WORDS, ptr %mask)
  %is.told = icmp sgt i64 %bytes, 0
  br i1 %is.told, label %set, label %settle
set:
  call void @llvm.memcpy.p0.p0.i64(ptr %narrow, ptr %mask, i64 $MASK_WORDS, i1 false)
  %word = load i64, ptr %word.at
  %without = and i64 %word, %kept
  store i64 %without, ptr %word.at
  %status = call i64 (i64, ...) @syscall(i64 $SYSCALL_SCHED_SETAFFINITY, i64 %thread, i64 $MASK_WORDS, ptr %narrow)
  %is.set = icmp eq i64 %status, 0
  %choice = select i1 %is.set, i64 $CHOICE_NARROWED, i64 $CHOICE_OPEN
  br label %settle
settle:
  %choice.after = phi i64 [ $CHOICE_OPEN, %note ], [ %choice, %set ]
  store atomic i64 %choice.after, ptr %choice.at release, align 8
  br label %skip
skip:
  %index.next = add i64 %index, 1
  br label %next
done:
  ret void
}

; Tell workers what the next region reads.
define internal void @announce(ptr %pool, ptr %record) nounwind {
entry:
  %source.at = getelementptr i8, ptr %record, i64 $GROUP_AHEAD
  %source = load ptr, ptr %source.at
  %spans = getelementptr i8, ptr %pool, i64 $AHEAD
  br label %next
next:
  %offset = phi i64 [ 0, %entry ], [ %offset.next, %next ]
  %from = getelementptr i8, ptr %source, i64 %offset
  %to = getelementptr i8, ptr %spans, i64 %offset
  %address = load i64, ptr %from
  store atomic i64 %address, ptr %to monotonic, align 8
  %offset.next = add i64 %offset, 8
  %is.end = icmp eq i64 %offset.next, $AHEAD_WORDS
  br i1 %is.end, label %done, label %next
done:
  ret void
}

define i64 @run(ptr %pool, ptr %recording) nounwind {
entry:
  %deadline = call i64 @slice_end(ptr %pool)
  %groups.at = getelementptr i8, ptr %recording, i64 $GROUPS
  %groups = load ptr, ptr %groups.at
  %count.at = getelementptr i8, ptr %recording, i64 $GROUP_COUNT
  %count = load i64, ptr %count.at
  %position.at = getelementptr i8, ptr %recording, i64 $POSITION
  %position = load i64, ptr %position.at
  %open.at = getelementptr i8, ptr %recording, i64 $IS_OPEN
  %open = load i64, ptr %open.at
  %is.open = icmp ne i64 %open, 0
  br i1 %is.open, label %share, label %next
next:
  %group = phi i64 [ %position, %entry ], [ %group.after, %advance ]
  %is.end = icmp uge i64 %group, %count
  br i1 %is.end, label %complete, label %begin
begin:
  %offset = mul i64 %group, $GROUP_WORDS
  %record = getelementptr i8, ptr %groups, i64 %offset
  %launches.at = getelementptr i8, ptr %record, i64 $GROUP_LAUNCHES
  %launches = load ptr, ptr %launches.at
  %units.at = getelementptr i8, ptr %record, i64 $GROUP_UNITS
  %units = load i64, ptr %units.at
  switch i64 %units, label %open.region [ i64 0, label %advance
                                          i64 1, label %alone ]
alone:
  call ptr @execute(ptr %launches, i64 0)
  %time = call i64 @now()
  %is.early = icmp ult i64 %time, %deadline
  br i1 %is.early, label %advance, label %leave
leave:
  %group.next = add i64 %group, 1
  store i64 %group.next, ptr %position.at
  ret i64 $UNFINISHED
open.region:
  store i64 %group, ptr %position.at
  store i64 1, ptr %open.at
  %region.launches.at = getelementptr i8, ptr %pool, i64 $REGION_LAUNCHES
  store ptr %launches, ptr %region.launches.at
  %region.units.at = getelementptr i8, ptr %pool, i64 $REGION_UNITS
  store i64 %units, ptr %region.units.at
  call void @announce(ptr %pool, ptr %record)
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  atomicrmw xchg ptr %unclaimed.at, i64 %units seq_cst
  %sleepers.at = getelementptr i8, ptr %pool, i64 $SLEEPERS_HALF
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %is.awake = icmp eq i32 %sleepers, 0
  br i1 %is.awake, label %share, label %wake
wake:
  call void @steer(ptr %pool)
  %others = sub i64 %units, 1
  %helpers = trunc i64 %others to i32
  %epoch.at = getelementptr i8, ptr %pool, i64 $EPOCH_HALF
  call void @futex_wake(ptr %epoch.at, i32 %helpers)
  br label %share
share:
  %group.open = phi i64 [ %position, %entry ], [ %group, %open.region ], [ %group, %wake ]
  %worked = call i64 @work(ptr %pool, i64 %deadline)
  %is.late = icmp eq i64 %worked, $UNFINISHED
  br i1 %is.late, label %late, label %await
await:
  %waited = call i64 @await(ptr %pool, i64 %deadline)
  %is.later = icmp eq i64 %waited, $UNFINISHED
  br i1 %is.later, label %late, label %close
late:
  ret i64 $UNFINISHED
close:
  store i64 0, ptr %open.at
  br label %advance
advance:
  %group.done = phi i64 [ %group, %begin ], [ %group, %alone ], [ %group.open, %close ]
  %group.after = add i64 %group.done, 1
  br label %next
complete:
  store i64 0, ptr %position.at
  ret i64 $DONE
}

define i64 @stop(ptr %pool, ptr %recording) nounwind {
entry:
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  atomicrmw xchg ptr %unclaimed.at, i64 0 seq_cst
  %deadline = call i64 @slice_end(ptr %pool)
  %waited = call i64 @await(ptr %pool, i64 %deadline)
  %is.late = icmp eq i64 %waited, $UNFINISHED
  br i1 %is.late, label %late, label %reset
late:
  ret i64 $UNFINISHED
reset:
  %position.at = getelementptr i8, ptr %recording, i64 $POSITION
  store i64 0, ptr %position.at
  %open.at = getelementptr i8, ptr %recording, i64 $IS_OPEN
  store i64 0, ptr %open.at
  %launches.at = getelementptr i8, ptr %recording, i64 $LAUNCHES
  %launches = load ptr, ptr %launches.at
  %count.at = getelementptr i8, ptr %recording, i64 $LAUNCH_COUNT
  %count = load i64, ptr %count.at
  br label %next
next:
  %index = phi i64 [ 0, %reset ], [ %index.next, %restore ]
  %is.end = icmp uge i64 %index, %count
  br i1 %is.end, label %done, label %restore
restore:
  %index.next = add i64 %index, 1
  %offset = mul i64 %index, $LAUNCH_WORDS
  %launch = getelementptr i8, ptr %launches, i64 %offset
  %units.at = getelementptr i8, ptr %launch, i64 $UNITS
  %units = load i64, ptr %units.at
  %remaining.at = getelementptr i8, ptr %launch, i64 $REMAINING
  store i64 %units, ptr %remaining.at
  br label %next
done:
  ret i64 $DONE
}

; Execute one unit of a group. Units ascend or descend for each thread, so the search for the launch
; that the unit belongs to goes on from the launch of the one before, which is returned.
define internal ptr @execute(ptr %start, i64 %unit) nounwind {
entry:
  br label %search
search:
  %launch = phi ptr [ %start, %entry ], [ %launch.next, %skip ], [ %launch.previous, %back ]
  %first.at = getelementptr i8, ptr %launch, i64 $FIRST_UNIT
  %first = load i64, ptr %first.at
  %units.at = getelementptr i8, ptr %launch, i64 $UNITS
  %units = load i64, ptr %units.at
  %behind = add i64 %first, %units
  %is.before = icmp ult i64 %unit, %first
  br i1 %is.before, label %back, label %forth
back:
  %launch.previous = getelementptr i8, ptr %launch, i64 -$LAUNCH_WORDS
  br label %search
forth:
  %is.inside = icmp ult i64 %unit, %behind
  br i1 %is.inside, label %found, label %skip
skip:
  %launch.next = getelementptr i8, ptr %launch, i64 $LAUNCH_WORDS
  br label %search
found:
  %number = sub i64 %unit, %first
  %chunk.at = getelementptr i8, ptr %launch, i64 $CHUNK
  %chunk = load i64, ptr %chunk.at
  %begin = mul i64 %number, %chunk
  %full = add i64 %begin, %chunk
  %blocks.at = getelementptr i8, ptr %launch, i64 $BLOCKS
  %blocks = load i64, ptr %blocks.at
  %is.full = icmp slt i64 %full, %blocks
  %end = select i1 %is.full, i64 %full, i64 %blocks
  %kernel.at = getelementptr i8, ptr %launch, i64 $KERNEL
  %kernel = load ptr, ptr %kernel.at
  %arguments.at = getelementptr i8, ptr %launch, i64 $ARGUMENTS
  %arguments = load ptr, ptr %arguments.at
  %finish.at = getelementptr i8, ptr %launch, i64 $FINISH
  %finish = load ptr, ptr %finish.at
  %times.at = getelementptr i8, ptr %launch, i64 $TIMES
  %times = load ptr, ptr %times.at
  %is.timed = icmp ne ptr %times, null
  br i1 %is.timed, label %note.start, label %call
note.start:
  %started = call i64 @now()
  atomicrmw umin ptr %times, i64 %started monotonic
  br label %call
call:
  call void %kernel(ptr %arguments, i64 %begin, i64 %end)
  %has.finish = icmp ne ptr %finish, null
  br i1 %has.finish, label %count, label %after
count:
  %remaining.at = getelementptr i8, ptr %launch, i64 $REMAINING
  %remaining = atomicrmw sub ptr %remaining.at, i64 1 acq_rel
  %is.last = icmp eq i64 %remaining, 1
  br i1 %is.last, label %call.finish, label %after
call.finish:
  store i64 %units, ptr %remaining.at
  call void %finish(ptr %arguments)
  br label %after
after:
  br i1 %is.timed, label %note.end, label %done
note.end:
  %ended = call i64 @now()
  %end.at = getelementptr i64, ptr %times, i64 1
  atomicrmw umax ptr %end.at, i64 %ended monotonic
  br label %done
done:
  ret ptr %launch
}

; Claim and execute units of the open region: the caller from the first one on, workers, which have
; no deadline (-1), from the last one back. Returns UNFINISHED after the deadline, or DONE when there
; is nothing left to claim.
define internal i64 @work(ptr %pool, i64 %deadline) nounwind {
entry:
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  %launches.at = getelementptr i8, ptr %pool, i64 $REGION_LAUNCHES
  %units.at = getelementptr i8, ptr %pool, i64 $REGION_UNITS
  %is.endless = icmp eq i64 %deadline, -1
  br label %claim
claim:
  %last = phi ptr [ null, %entry ], [ %last, %try ], [ %launch, %run ], [ %launch, %look ]
  %state = load atomic i64, ptr %unclaimed.at acquire, align 8
  %is.empty = icmp eq i64 %state, 0
  br i1 %is.empty, label %done, label %try
try:
  ; Low half: units that are left; high half: units that workers have taken, from the last one on.
  %left = and i64 %state, 4294967295
  %taken = lshr i64 %state, 32
  %change = select i1 %is.endless, i64 4294967295, i64 -1
  %less = add i64 %state, %change
  %is.final = icmp eq i64 %left, 1
  %following = select i1 %is.final, i64 0, i64 %less
  %swapped = cmpxchg ptr %unclaimed.at, i64 %state, i64 %following seq_cst monotonic
  %is.mine = extractvalue { i64, i1 } %swapped, 1
  br i1 %is.mine, label %run, label %claim
run:
  %launches = load ptr, ptr %launches.at
  %units = load i64, ptr %units.at
  %stop = sub i64 %units, %taken
  %front = sub i64 %stop, %left
  %back = sub i64 %stop, 1
  %unit = select i1 %is.endless, i64 %back, i64 %front
  %is.first = icmp eq ptr %last, null
  %start = select i1 %is.first, ptr %launches, ptr %last
  %launch = call ptr @execute(ptr %start, i64 %unit)
  br i1 %is.endless, label %claim, label %look
look:
  %time = call i64 @now()
  %is.early = icmp ult i64 %time, %deadline
  br i1 %is.early, label %claim, label %late
late:
  ret i64 $UNFINISHED
done:
  ret i64 $DONE
}

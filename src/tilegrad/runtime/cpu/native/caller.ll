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
  %unclaimed.at = getelementptr i8, ptr %pool, i64 $UNCLAIMED
  atomicrmw xchg ptr %unclaimed.at, i64 %units seq_cst
  %sleepers.at = getelementptr i8, ptr %pool, i64 $SLEEPERS_HALF
  %sleepers = load atomic i32, ptr %sleepers.at seq_cst, align 4
  %is.awake = icmp eq i32 %sleepers, 0
  br i1 %is.awake, label %share, label %wake
wake:
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

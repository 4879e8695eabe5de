declare i64 @syscall(i64, ...)
declare i32 @clock_gettime(i32, ptr)
declare i32 @sched_getcpu()
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
$DECLARE_PAUSE

; Nanoseconds of the monotonic clock.
define internal i64 @now() nounwind {
  %time = alloca [2 x i64]
  call i32 @clock_gettime(i32 1, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %scaled = mul i64 %seconds, 1000000000
  %sum = add i64 %scaled, %rest
  ret i64 %sum
}

; One look in 32 of a thread that has waited since a time: until SPIN_NS it goes on at once, until
; YIELD_NS after others have had the processor. Says whether it should go on looking.
define internal i1 @keep_looking(ptr %pool, i64 %began) nounwind {
  %time = call i64 @now()
  %waited = sub i64 %time, %began
  %spin.at = getelementptr i8, ptr %pool, i64 $SPIN_NS
  %spin.for = load i64, ptr %spin.at
  %is.spinning = icmp ult i64 %waited, %spin.for
  br i1 %is.spinning, label %go.on, label %look
look:
  %yield.at = getelementptr i8, ptr %pool, i64 $YIELD_NS
  %yield.for = load i64, ptr %yield.at
  %is.yielding = icmp ult i64 %waited, %yield.for
  br i1 %is.yielding, label %yield, label %sleep
yield:
  call i64 (i64, ...) @syscall(i64 $SYSCALL_SCHED_YIELD)
  br label %go.on
go.on:
  ret i1 true
sleep:
  ret i1 false
}

; Sleep while the 4 bytes are as expected; a limit of 0 nanoseconds means none.
define internal void @futex_wait(ptr %word, i32 %expected, i64 %limit) nounwind {
  %time = alloca [2 x i64]
  %seconds = udiv i64 %limit, 1000000000
  %rest = urem i64 %limit, 1000000000
  store i64 %seconds, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  store i64 %rest, ptr %rest.at
  %is.endless = icmp eq i64 %limit, 0
  %timeout = select i1 %is.endless, ptr null, ptr %time
  call i64 (i64, ...) @syscall(i64 $SYSCALL_FUTEX, ptr %word, i32 128, i32 %expected, ptr %timeout)
  ret void
}

define internal void @futex_wake(ptr %word, i32 %count) nounwind {
  atomicrmw add ptr %word, i32 1 seq_cst
  call i64 (i64, ...) @syscall(i64 $SYSCALL_FUTEX, ptr %word, i32 129, i32 %count)
  ret void
}

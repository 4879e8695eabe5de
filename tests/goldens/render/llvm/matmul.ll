define internal void @matmul.body(ptr noalias readonly %v3, ptr noalias readonly %v2, ptr noalias %v4, i64 %begin, i64 %end) nounwind {
entry:
  %loop1.guard = icmp slt i64 %begin, %end
  br i1 %loop1.guard, label %loop1, label %loop1.end
loop1:
  %loop1.position = phi i64 [ %begin, %entry ], [ %loop1.next, %loop1.latch ]
  %v7.0 = mul nsw i64 %loop1.position, 128
  %v7 = getelementptr i8, ptr %v3, i64 %v7.0
  br label %loop2
loop2:
  %loop2.position = phi i64 [ 0, %loop1 ], [ %loop2.next, %loop2.latch ]
  %loop2.carry0 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v23, %loop2.latch ]
  %loop2.carry1 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v24, %loop2.latch ]
  %loop2.carry2 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v26, %loop2.latch ]
  %loop2.carry3 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v27, %loop2.latch ]
  %v14.0 = mul nsw i64 %loop2.position, 128
  %v14 = getelementptr i8, ptr %v2, i64 %v14.0
  %v15 = getelementptr i8, ptr %v14, i64 64
  %v16 = load <16 x float>, ptr %v14, align 4
  %v17 = load <16 x float>, ptr %v15, align 4
  %v18 = getelementptr i32, ptr %v7, i64 %loop2.position
  %v19 = getelementptr i8, ptr %v18, i64 64
  %v20 = load float, ptr %v18, align 4
  %v21 = load float, ptr %v19, align 4
  %v22.0 = insertelement <16 x float> poison, float %v20, i64 0
  %v22 = shufflevector <16 x float> %v22.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v23 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v22, <16 x float> %v16, <16 x float> %loop2.carry0)
  %v24 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v22, <16 x float> %v17, <16 x float> %loop2.carry1)
  %v25.0 = insertelement <16 x float> poison, float %v21, i64 0
  %v25 = shufflevector <16 x float> %v25.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v26 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v25, <16 x float> %v16, <16 x float> %loop2.carry2)
  %v27 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v25, <16 x float> %v17, <16 x float> %loop2.carry3)
  br label %loop2.latch
loop2.latch:
  %loop2.next = add i64 %loop2.position, 1
  %loop2.again = icmp slt i64 %loop2.next, 16
  br i1 %loop2.again, label %loop2, label %loop2.end
loop2.end:
  %v33.0 = mul nsw i64 %loop1.position, 256
  %v33 = getelementptr i8, ptr %v4, i64 %v33.0
  %v34 = getelementptr i8, ptr %v33, i64 64
  %v35 = getelementptr i8, ptr %v33, i64 128
  %v36 = getelementptr i8, ptr %v33, i64 192
  store <16 x float> %v23, ptr %v33, align 4
  store <16 x float> %v24, ptr %v34, align 4
  store <16 x float> %v26, ptr %v35, align 4
  store <16 x float> %v27, ptr %v36, align 4
  br label %loop1.latch
loop1.latch:
  %loop1.next = add i64 %loop1.position, 1
  %loop1.again = icmp slt i64 %loop1.next, %end
  br i1 %loop1.again, label %loop1, label %loop1.end
loop1.end:
  ret void
}
define void @matmul(ptr noalias readonly %arguments, i64 %begin, i64 %end) nounwind {
  %s0 = getelementptr i64, ptr %arguments, i64 0
  %a0 = load ptr, ptr %s0, align 8
  %s1 = getelementptr i64, ptr %arguments, i64 1
  %a1 = load ptr, ptr %s1, align 8
  %s2 = getelementptr i64, ptr %arguments, i64 2
  %a2 = load ptr, ptr %s2, align 8
  call void @matmul.body(ptr %a0, ptr %a1, ptr %a2, i64 %begin, i64 %end)
  ret void
}
declare <16 x float> @llvm.fmuladd.v16f32(<16 x float>, <16 x float>, <16 x float>)

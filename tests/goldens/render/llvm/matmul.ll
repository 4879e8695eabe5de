define internal void @matmul.body(ptr noalias readonly %v4, ptr noalias readonly %v2, ptr noalias %v5, i64 %begin, i64 %end) nounwind {
entry:
  %v3.0 = mul nsw i64 0, 128
  %v3 = getelementptr i8, ptr %v2, i64 %v3.0
  %v6.0 = mul nsw i64 0, 128
  %v6 = getelementptr i8, ptr %v5, i64 %v6.0
  %loop1.guard = icmp slt i64 %begin, %end
  br i1 %loop1.guard, label %loop1, label %loop1.end
loop1:
  %loop1.position = phi i64 [ %begin, %entry ], [ %loop1.next, %loop1.latch ]
  %v9.0 = mul nsw i64 %loop1.position, 128
  %v9 = getelementptr i8, ptr %v4, i64 %v9.0
  br label %loop2
loop2:
  %loop2.position = phi i64 [ 0, %loop1 ], [ %loop2.next, %loop2.latch ]
  %loop2.carry0 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v25, %loop2.latch ]
  %loop2.carry1 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v26, %loop2.latch ]
  %loop2.carry2 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v28, %loop2.latch ]
  %loop2.carry3 = phi <16 x float> [ splat (float 0x0000000000000000), %loop1 ], [ %v29, %loop2.latch ]
  %v16.0 = mul nsw i64 %loop2.position, 128
  %v16 = getelementptr i8, ptr %v3, i64 %v16.0
  %v17 = getelementptr i8, ptr %v16, i64 64
  %v18 = load <16 x float>, ptr %v16, align 4
  %v19 = load <16 x float>, ptr %v17, align 4
  %v20 = getelementptr i32, ptr %v9, i64 %loop2.position
  %v21 = getelementptr i8, ptr %v20, i64 64
  %v22 = load float, ptr %v20, align 4
  %v23 = load float, ptr %v21, align 4
  %v24.0 = insertelement <16 x float> poison, float %v22, i64 0
  %v24 = shufflevector <16 x float> %v24.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v25 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v24, <16 x float> %v18, <16 x float> %loop2.carry0)
  %v26 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v24, <16 x float> %v19, <16 x float> %loop2.carry1)
  %v27.0 = insertelement <16 x float> poison, float %v23, i64 0
  %v27 = shufflevector <16 x float> %v27.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v28 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v27, <16 x float> %v18, <16 x float> %loop2.carry2)
  %v29 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v27, <16 x float> %v19, <16 x float> %loop2.carry3)
  br label %loop2.latch
loop2.latch:
  %loop2.next = add nsw i64 %loop2.position, 1
  %loop2.again = icmp slt i64 %loop2.next, 16
  br i1 %loop2.again, label %loop2, label %loop2.end
loop2.end:
  %v35.0 = mul nsw i64 %loop1.position, 256
  %v35 = getelementptr i8, ptr %v6, i64 %v35.0
  %v36 = getelementptr i8, ptr %v35, i64 64
  %v37 = getelementptr i8, ptr %v35, i64 128
  %v38 = getelementptr i8, ptr %v35, i64 192
  store <16 x float> %v25, ptr %v35, align 4
  store <16 x float> %v26, ptr %v36, align 4
  store <16 x float> %v28, ptr %v37, align 4
  store <16 x float> %v29, ptr %v38, align 4
  br label %loop1.latch
loop1.latch:
  %loop1.next = add nsw i64 %loop1.position, 1
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

define internal void @softmax.body(ptr noalias readonly %v2, ptr noalias %v3, i64 %begin, i64 %end) nounwind {
entry:
  %loop1.guard = icmp slt i64 %begin, %end
  br i1 %loop1.guard, label %loop1, label %loop1.end
loop1:
  %loop1.position = phi i64 [ %begin, %entry ], [ %loop1.next, %loop1.latch ]
  %v6.0 = mul nsw i64 %loop1.position, 160
  %v6 = getelementptr i8, ptr %v2, i64 %v6.0
  br label %loop4
loop4:
  %loop4.position = phi i64 [ 0, %loop1 ], [ %loop4.next, %loop4.latch ]
  %loop4.carry0 = phi <16 x float> [ splat (float 0xFFF0000000000000), %loop1 ], [ %v29, %loop4.latch ]
  %loop4.carry1 = phi <16 x float> [ splat (float 0xFFF0000000000000), %loop1 ], [ %v30, %loop4.latch ]
  %v11 = mul i64 %loop4.position, -1
  %v12 = call i64 @llvm.smin.i64(i64 %v11, i64 -24)
  %v13 = add i64 %v12, 40
  %v14 = trunc i64 %v13 to i32
  %v15.0 = insertelement <16 x i32> poison, i32 %v14, i64 0
  %v15 = shufflevector <16 x i32> %v15.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v16 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v15
  %v17 = call i64 @llvm.smin.i64(i64 %v11, i64 -8)
  %v18 = call i64 @llvm.smax.i64(i64 %v17, i64 -24)
  %v19 = add i64 %v18, 24
  %v20 = trunc i64 %v19 to i32
  %v21.0 = insertelement <16 x i32> poison, i32 %v20, i64 0
  %v21 = shufflevector <16 x i32> %v21.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v22 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v21
  %v23 = getelementptr i32, ptr %v6, i64 %loop4.position
  %v24 = getelementptr i8, ptr %v23, i64 64
  %v25 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v23, <16 x i1> %v16, <16 x float> zeroinitializer)
  %v26 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v24, <16 x i1> %v22, <16 x float> zeroinitializer)
  %v27 = select <16 x i1> %v16, <16 x float> %v25, <16 x float> splat (float 0xFFF0000000000000)
  %v28 = select <16 x i1> %v22, <16 x float> %v26, <16 x float> splat (float 0xFFF0000000000000)
  %v29 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %loop4.carry0, <16 x float> %v27)
  %v30 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %loop4.carry1, <16 x float> %v28)
  br label %loop4.latch
loop4.latch:
  %loop4.next = add i64 %loop4.position, 32
  %loop4.again = icmp slt i64 %loop4.next, 40
  br i1 %loop4.again, label %loop4, label %loop4.end
loop4.end:
  %v34 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v29, <16 x float> %v30)
  %v35 = call nsz float @llvm.vector.reduce.fmaximum.v16f32(<16 x float> %v34)
  %v36.0 = insertelement <16 x float> poison, float %v35, i64 0
  %v36 = shufflevector <16 x float> %v36.0, <16 x float> poison, <16 x i32> zeroinitializer
  br label %loop3
loop3:
  %loop3.position = phi i64 [ 0, %loop4.end ], [ %loop3.next, %loop3.latch ]
  %loop3.carry0 = phi <16 x float> [ splat (float 0x0000000000000000), %loop4.end ], [ %v87, %loop3.latch ]
  %loop3.carry1 = phi <16 x float> [ splat (float 0x0000000000000000), %loop4.end ], [ %v88, %loop3.latch ]
  %v41 = mul i64 %loop3.position, -1
  %v42 = call i64 @llvm.smin.i64(i64 %v41, i64 -24)
  %v43 = add i64 %v42, 40
  %v44 = trunc i64 %v43 to i32
  %v45.0 = insertelement <16 x i32> poison, i32 %v44, i64 0
  %v45 = shufflevector <16 x i32> %v45.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v46 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v45
  %v47 = call i64 @llvm.smin.i64(i64 %v41, i64 -8)
  %v48 = call i64 @llvm.smax.i64(i64 %v47, i64 -24)
  %v49 = add i64 %v48, 24
  %v50 = trunc i64 %v49 to i32
  %v51.0 = insertelement <16 x i32> poison, i32 %v50, i64 0
  %v51 = shufflevector <16 x i32> %v51.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v52 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v51
  %v53 = getelementptr i32, ptr %v6, i64 %loop3.position
  %v54 = getelementptr i8, ptr %v53, i64 64
  %v55 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v53, <16 x i1> %v46, <16 x float> zeroinitializer)
  %v56 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v54, <16 x i1> %v52, <16 x float> zeroinitializer)
  %v57 = fsub <16 x float> %v55, %v36
  %v58 = fsub <16 x float> %v56, %v36
  %v59 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v57, <16 x float> splat (float 0xC05A000000000000))
  %v60 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v58, <16 x float> splat (float 0xC05A000000000000))
  %v61 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v59, <16 x float> splat (float 0x4056400000000000))
  %v62 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v60, <16 x float> splat (float 0x4056400000000000))
  %v63 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v61, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v64 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v62, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v65 = fsub <16 x float> %v63, splat (float 0x4168000000000000)
  %v66 = fsub <16 x float> %v64, splat (float 0x4168000000000000)
  %v67 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v65, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v61)
  %v68 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v66, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v62)
  %v69 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v65, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v67)
  %v70 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v66, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v68)
  %v71 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v72 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v73 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> %v71, <16 x float> splat (float 0x3FA5554C80000000))
  %v74 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> %v72, <16 x float> splat (float 0x3FA5554C80000000))
  %v75 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> %v73, <16 x float> splat (float 0x3FC5554B20000000))
  %v76 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> %v74, <16 x float> splat (float 0x3FC5554B20000000))
  %v77 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> %v75, <16 x float> splat (float 0x3FE0000000000000))
  %v78 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> %v76, <16 x float> splat (float 0x3FE0000000000000))
  %v79 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> %v77, <16 x float> splat (float 0x3FF0000000000000))
  %v80 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> %v78, <16 x float> splat (float 0x3FF0000000000000))
  %v81 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v69, <16 x float> %v79, <16 x float> splat (float 0x3FF0000000000000))
  %v82 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v70, <16 x float> %v80, <16 x float> splat (float 0x3FF0000000000000))
  %v83 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v81, <16 x float> %v65, <16 x float> zeroinitializer, i16 -1, i32 4)
  %v84 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v82, <16 x float> %v66, <16 x float> zeroinitializer, i16 -1, i32 4)
  %v85 = select <16 x i1> %v46, <16 x float> %v83, <16 x float> splat (float 0x0000000000000000)
  %v86 = select <16 x i1> %v52, <16 x float> %v84, <16 x float> splat (float 0x0000000000000000)
  %v87 = fadd <16 x float> %loop3.carry0, %v85
  %v88 = fadd <16 x float> %loop3.carry1, %v86
  br label %loop3.latch
loop3.latch:
  %loop3.next = add i64 %loop3.position, 32
  %loop3.again = icmp slt i64 %loop3.next, 40
  br i1 %loop3.again, label %loop3, label %loop3.end
loop3.end:
  %v92 = fadd <16 x float> %v87, %v88
  %v93 = call reassoc float @llvm.vector.reduce.fadd.v16f32(float -0.0, <16 x float> %v92)
  %v94.0 = insertelement <16 x float> poison, float %v93, i64 0
  %v94 = shufflevector <16 x float> %v94.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v95.0 = mul nsw i64 %loop1.position, 160
  %v95 = getelementptr i8, ptr %v3, i64 %v95.0
  br label %loop2
loop2:
  %loop2.position = phi i64 [ 0, %loop3.end ], [ %loop2.next, %loop2.latch ]
  %v98 = mul i64 %loop2.position, -1
  %v99 = call i64 @llvm.smin.i64(i64 %v98, i64 -24)
  %v100 = add i64 %v99, 40
  %v101 = trunc i64 %v100 to i32
  %v102.0 = insertelement <16 x i32> poison, i32 %v101, i64 0
  %v102 = shufflevector <16 x i32> %v102.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v103 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v102
  %v104 = call i64 @llvm.smin.i64(i64 %v98, i64 -8)
  %v105 = call i64 @llvm.smax.i64(i64 %v104, i64 -24)
  %v106 = add i64 %v105, 24
  %v107 = trunc i64 %v106 to i32
  %v108.0 = insertelement <16 x i32> poison, i32 %v107, i64 0
  %v108 = shufflevector <16 x i32> %v108.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v109 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v108
  %v110 = getelementptr i32, ptr %v6, i64 %loop2.position
  %v111 = getelementptr i8, ptr %v110, i64 64
  %v112 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v110, <16 x i1> %v103, <16 x float> zeroinitializer)
  %v113 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v111, <16 x i1> %v109, <16 x float> zeroinitializer)
  %v114 = fsub <16 x float> %v112, %v36
  %v115 = fsub <16 x float> %v113, %v36
  %v116 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v114, <16 x float> splat (float 0xC05A000000000000))
  %v117 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v115, <16 x float> splat (float 0xC05A000000000000))
  %v118 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v116, <16 x float> splat (float 0x4056400000000000))
  %v119 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v117, <16 x float> splat (float 0x4056400000000000))
  %v120 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v118, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v121 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v119, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v122 = fsub <16 x float> %v120, splat (float 0x4168000000000000)
  %v123 = fsub <16 x float> %v121, splat (float 0x4168000000000000)
  %v124 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v122, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v118)
  %v125 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v123, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v119)
  %v126 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v122, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v124)
  %v127 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v123, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v125)
  %v128 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v129 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v130 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> %v128, <16 x float> splat (float 0x3FA5554C80000000))
  %v131 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> %v129, <16 x float> splat (float 0x3FA5554C80000000))
  %v132 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> %v130, <16 x float> splat (float 0x3FC5554B20000000))
  %v133 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> %v131, <16 x float> splat (float 0x3FC5554B20000000))
  %v134 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> %v132, <16 x float> splat (float 0x3FE0000000000000))
  %v135 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> %v133, <16 x float> splat (float 0x3FE0000000000000))
  %v136 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> %v134, <16 x float> splat (float 0x3FF0000000000000))
  %v137 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> %v135, <16 x float> splat (float 0x3FF0000000000000))
  %v138 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> %v136, <16 x float> splat (float 0x3FF0000000000000))
  %v139 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> %v137, <16 x float> splat (float 0x3FF0000000000000))
  %v140 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v138, <16 x float> %v122, <16 x float> zeroinitializer, i16 -1, i32 4)
  %v141 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v139, <16 x float> %v123, <16 x float> zeroinitializer, i16 -1, i32 4)
  %v142 = fdiv <16 x float> %v140, %v94
  %v143 = fdiv <16 x float> %v141, %v94
  %v144 = getelementptr i32, ptr %v95, i64 %loop2.position
  %v145 = getelementptr i8, ptr %v144, i64 64
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v142, ptr align 4 %v144, <16 x i1> %v103)
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v143, ptr align 4 %v145, <16 x i1> %v109)
  br label %loop2.latch
loop2.latch:
  %loop2.next = add i64 %loop2.position, 32
  %loop2.again = icmp slt i64 %loop2.next, 40
  br i1 %loop2.again, label %loop2, label %loop2.end
loop2.end:
  br label %loop1.latch
loop1.latch:
  %loop1.next = add i64 %loop1.position, 1
  %loop1.again = icmp slt i64 %loop1.next, %end
  br i1 %loop1.again, label %loop1, label %loop1.end
loop1.end:
  ret void
}
define void @softmax(ptr noalias readonly %arguments, i64 %begin, i64 %end) nounwind {
  %s0 = getelementptr i64, ptr %arguments, i64 0
  %a0 = load ptr, ptr %s0, align 8
  %s1 = getelementptr i64, ptr %arguments, i64 1
  %a1 = load ptr, ptr %s1, align 8
  call void @softmax.body(ptr %a0, ptr %a1, i64 %begin, i64 %end)
  ret void
}
declare <16 x float> @llvm.fmuladd.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.maximum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.minimum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float>, <16 x float>, <16 x float>, i16, i32)
declare float @llvm.vector.reduce.fadd.v16f32(float, <16 x float>)
declare float @llvm.vector.reduce.fmaximum.v16f32(<16 x float>)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)

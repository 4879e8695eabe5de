define internal void @softmax.body(ptr noalias readonly %v2, ptr noalias %v5, i64 %begin, i64 %end) nounwind {
entry:
  %v3 = bitcast float 0x4168000000000000 to i32
  %v4.0 = insertelement <16 x i32> poison, i32 %v3, i64 0
  %v4 = shufflevector <16 x i32> %v4.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %loop1.guard = icmp slt i64 %begin, %end
  br i1 %loop1.guard, label %loop1, label %loop1.end
loop1:
  %loop1.position = phi i64 [ %begin, %entry ], [ %loop1.next, %loop1.latch ]
  %v8.0 = mul nsw i64 %loop1.position, 160
  %v8 = getelementptr i8, ptr %v2, i64 %v8.0
  br label %loop4
loop4:
  %loop4.position = phi i64 [ 0, %loop1 ], [ %loop4.next, %loop4.latch ]
  %loop4.carry0 = phi <16 x float> [ splat (float 0xFFF0000000000000), %loop1 ], [ %v31, %loop4.latch ]
  %loop4.carry1 = phi <16 x float> [ splat (float 0xFFF0000000000000), %loop1 ], [ %v32, %loop4.latch ]
  %v13 = mul i64 %loop4.position, -1
  %v14 = call i64 @llvm.smin.i64(i64 %v13, i64 -24)
  %v15 = add i64 %v14, 40
  %v16 = trunc i64 %v15 to i32
  %v17.0 = insertelement <16 x i32> poison, i32 %v16, i64 0
  %v17 = shufflevector <16 x i32> %v17.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v18 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v17
  %v19 = call i64 @llvm.smin.i64(i64 %v13, i64 -8)
  %v20 = call i64 @llvm.smax.i64(i64 %v19, i64 -24)
  %v21 = add i64 %v20, 24
  %v22 = trunc i64 %v21 to i32
  %v23.0 = insertelement <16 x i32> poison, i32 %v22, i64 0
  %v23 = shufflevector <16 x i32> %v23.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v24 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v23
  %v25 = getelementptr i32, ptr %v8, i64 %loop4.position
  %v26 = getelementptr i8, ptr %v25, i64 64
  %v27 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v25, <16 x i1> %v18, <16 x float> zeroinitializer)
  %v28 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v26, <16 x i1> %v24, <16 x float> zeroinitializer)
  %v29 = select <16 x i1> %v18, <16 x float> %v27, <16 x float> splat (float 0xFFF0000000000000)
  %v30 = select <16 x i1> %v24, <16 x float> %v28, <16 x float> splat (float 0xFFF0000000000000)
  %v31 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %loop4.carry0, <16 x float> %v29)
  %v32 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %loop4.carry1, <16 x float> %v30)
  br label %loop4.latch
loop4.latch:
  %loop4.next = add nsw i64 %loop4.position, 32
  %loop4.again = icmp slt i64 %loop4.next, 40
  br i1 %loop4.again, label %loop4, label %loop4.end
loop4.end:
  %v36 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v31, <16 x float> %v32)
  %v37 = call nsz float @llvm.vector.reduce.fmaximum.v16f32(<16 x float> %v36)
  %v38.0 = insertelement <16 x float> poison, float %v37, i64 0
  %v38 = shufflevector <16 x float> %v38.0, <16 x float> poison, <16 x i32> zeroinitializer
  br label %loop3
loop3:
  %loop3.position = phi i64 [ 0, %loop4.end ], [ %loop3.next, %loop3.latch ]
  %loop3.carry0 = phi <16 x float> [ splat (float 0x0000000000000000), %loop4.end ], [ %v95, %loop3.latch ]
  %loop3.carry1 = phi <16 x float> [ splat (float 0x0000000000000000), %loop4.end ], [ %v96, %loop3.latch ]
  %v43 = mul i64 %loop3.position, -1
  %v44 = call i64 @llvm.smin.i64(i64 %v43, i64 -24)
  %v45 = add i64 %v44, 40
  %v46 = trunc i64 %v45 to i32
  %v47.0 = insertelement <16 x i32> poison, i32 %v46, i64 0
  %v47 = shufflevector <16 x i32> %v47.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v48 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v47
  %v49 = call i64 @llvm.smin.i64(i64 %v43, i64 -8)
  %v50 = call i64 @llvm.smax.i64(i64 %v49, i64 -24)
  %v51 = add i64 %v50, 24
  %v52 = trunc i64 %v51 to i32
  %v53.0 = insertelement <16 x i32> poison, i32 %v52, i64 0
  %v53 = shufflevector <16 x i32> %v53.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v54 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v53
  %v55 = getelementptr i32, ptr %v8, i64 %loop3.position
  %v56 = getelementptr i8, ptr %v55, i64 64
  %v57 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v55, <16 x i1> %v48, <16 x float> zeroinitializer)
  %v58 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v56, <16 x i1> %v54, <16 x float> zeroinitializer)
  %v59 = fsub <16 x float> %v57, %v38
  %v60 = fsub <16 x float> %v58, %v38
  %v61 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v59, <16 x float> splat (float 0xC05A000000000000))
  %v62 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v60, <16 x float> splat (float 0xC05A000000000000))
  %v63 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v61, <16 x float> splat (float 0x4056400000000000))
  %v64 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v62, <16 x float> splat (float 0x4056400000000000))
  %v65 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v63, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v66 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v64, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v67 = fsub <16 x float> %v65, splat (float 0x4168000000000000)
  %v68 = fsub <16 x float> %v66, splat (float 0x4168000000000000)
  %v69 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v67, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v63)
  %v70 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v68, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v64)
  %v71 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v67, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v69)
  %v72 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v68, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v70)
  %v73 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v71, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v74 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v72, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v75 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v71, <16 x float> %v73, <16 x float> splat (float 0x3FA5554C80000000))
  %v76 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v72, <16 x float> %v74, <16 x float> splat (float 0x3FA5554C80000000))
  %v77 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v71, <16 x float> %v75, <16 x float> splat (float 0x3FC5554B20000000))
  %v78 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v72, <16 x float> %v76, <16 x float> splat (float 0x3FC5554B20000000))
  %v79 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v71, <16 x float> %v77, <16 x float> splat (float 0x3FE0000000000000))
  %v80 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v72, <16 x float> %v78, <16 x float> splat (float 0x3FE0000000000000))
  %v81 = fmul <16 x float> %v71, %v71
  %v82 = fmul <16 x float> %v72, %v72
  %v83 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v81, <16 x float> %v79, <16 x float> %v71)
  %v84 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v82, <16 x float> %v80, <16 x float> %v72)
  %v85 = fadd <16 x float> %v83, splat (float 0x3FF0000000000000)
  %v86 = fadd <16 x float> %v84, splat (float 0x3FF0000000000000)
  %v87 = bitcast <16 x float> %v65 to <16 x i32>
  %v88 = bitcast <16 x float> %v66 to <16 x i32>
  %v89 = sub <16 x i32> %v87, %v4
  %v90 = sub <16 x i32> %v88, %v4
  %v91 = call <16 x float> @llvm.ldexp.v16f32.v16i32(<16 x float> %v85, <16 x i32> %v89)
  %v92 = call <16 x float> @llvm.ldexp.v16f32.v16i32(<16 x float> %v86, <16 x i32> %v90)
  %v93 = select <16 x i1> %v48, <16 x float> %v91, <16 x float> splat (float 0x0000000000000000)
  %v94 = select <16 x i1> %v54, <16 x float> %v92, <16 x float> splat (float 0x0000000000000000)
  %v95 = fadd <16 x float> %loop3.carry0, %v93
  %v96 = fadd <16 x float> %loop3.carry1, %v94
  br label %loop3.latch
loop3.latch:
  %loop3.next = add nsw i64 %loop3.position, 32
  %loop3.again = icmp slt i64 %loop3.next, 40
  br i1 %loop3.again, label %loop3, label %loop3.end
loop3.end:
  %v100 = fadd <16 x float> %v95, %v96
  %v101 = call reassoc float @llvm.vector.reduce.fadd.v16f32(float -0.0, <16 x float> %v100)
  %v102.0 = insertelement <16 x float> poison, float %v101, i64 0
  %v102 = shufflevector <16 x float> %v102.0, <16 x float> poison, <16 x i32> zeroinitializer
  %v103.0 = mul nsw i64 %loop1.position, 160
  %v103 = getelementptr i8, ptr %v5, i64 %v103.0
  br label %loop2
loop2:
  %loop2.position = phi i64 [ 0, %loop3.end ], [ %loop2.next, %loop2.latch ]
  %v106 = mul i64 %loop2.position, -1
  %v107 = call i64 @llvm.smin.i64(i64 %v106, i64 -24)
  %v108 = add i64 %v107, 40
  %v109 = trunc i64 %v108 to i32
  %v110.0 = insertelement <16 x i32> poison, i32 %v109, i64 0
  %v110 = shufflevector <16 x i32> %v110.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v111 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v110
  %v112 = call i64 @llvm.smin.i64(i64 %v106, i64 -8)
  %v113 = call i64 @llvm.smax.i64(i64 %v112, i64 -24)
  %v114 = add i64 %v113, 24
  %v115 = trunc i64 %v114 to i32
  %v116.0 = insertelement <16 x i32> poison, i32 %v115, i64 0
  %v116 = shufflevector <16 x i32> %v116.0, <16 x i32> poison, <16 x i32> zeroinitializer
  %v117 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v116
  %v118 = getelementptr i32, ptr %v8, i64 %loop2.position
  %v119 = getelementptr i8, ptr %v118, i64 64
  %v120 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v118, <16 x i1> %v111, <16 x float> zeroinitializer)
  %v121 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v119, <16 x i1> %v117, <16 x float> zeroinitializer)
  %v122 = fsub <16 x float> %v120, %v38
  %v123 = fsub <16 x float> %v121, %v38
  %v124 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v122, <16 x float> splat (float 0xC05A000000000000))
  %v125 = call nsz <16 x float> @llvm.maximum.v16f32(<16 x float> %v123, <16 x float> splat (float 0xC05A000000000000))
  %v126 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v124, <16 x float> splat (float 0x4056400000000000))
  %v127 = call nsz <16 x float> @llvm.minimum.v16f32(<16 x float> %v125, <16 x float> splat (float 0x4056400000000000))
  %v128 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v126, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v129 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v127, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168000000000000))
  %v130 = fsub <16 x float> %v128, splat (float 0x4168000000000000)
  %v131 = fsub <16 x float> %v129, splat (float 0x4168000000000000)
  %v132 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v130, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v126)
  %v133 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v131, <16 x float> splat (float 0xBFE62E0000000000), <16 x float> %v127)
  %v134 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v130, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v132)
  %v135 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v131, <16 x float> splat (float 0xBF00BFBE80000000), <16 x float> %v133)
  %v136 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v134, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v137 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v135, <16 x float> splat (float 0x3F56D72080000000), <16 x float> splat (float 0x3F812266C0000000))
  %v138 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v134, <16 x float> %v136, <16 x float> splat (float 0x3FA5554C80000000))
  %v139 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v135, <16 x float> %v137, <16 x float> splat (float 0x3FA5554C80000000))
  %v140 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v134, <16 x float> %v138, <16 x float> splat (float 0x3FC5554B20000000))
  %v141 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v135, <16 x float> %v139, <16 x float> splat (float 0x3FC5554B20000000))
  %v142 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v134, <16 x float> %v140, <16 x float> splat (float 0x3FE0000000000000))
  %v143 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v135, <16 x float> %v141, <16 x float> splat (float 0x3FE0000000000000))
  %v144 = fmul <16 x float> %v134, %v134
  %v145 = fmul <16 x float> %v135, %v135
  %v146 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v144, <16 x float> %v142, <16 x float> %v134)
  %v147 = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %v145, <16 x float> %v143, <16 x float> %v135)
  %v148 = fadd <16 x float> %v146, splat (float 0x3FF0000000000000)
  %v149 = fadd <16 x float> %v147, splat (float 0x3FF0000000000000)
  %v150 = bitcast <16 x float> %v128 to <16 x i32>
  %v151 = bitcast <16 x float> %v129 to <16 x i32>
  %v152 = sub <16 x i32> %v150, %v4
  %v153 = sub <16 x i32> %v151, %v4
  %v154 = call <16 x float> @llvm.ldexp.v16f32.v16i32(<16 x float> %v148, <16 x i32> %v152)
  %v155 = call <16 x float> @llvm.ldexp.v16f32.v16i32(<16 x float> %v149, <16 x i32> %v153)
  %v156 = fdiv <16 x float> %v154, %v102
  %v157 = fdiv <16 x float> %v155, %v102
  %v158 = getelementptr i32, ptr %v103, i64 %loop2.position
  %v159 = getelementptr i8, ptr %v158, i64 64
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v156, ptr align 4 %v158, <16 x i1> %v111)
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v157, ptr align 4 %v159, <16 x i1> %v117)
  br label %loop2.latch
loop2.latch:
  %loop2.next = add nsw i64 %loop2.position, 32
  %loop2.again = icmp slt i64 %loop2.next, 40
  br i1 %loop2.again, label %loop2, label %loop2.end
loop2.end:
  br label %loop1.latch
loop1.latch:
  %loop1.next = add nsw i64 %loop1.position, 1
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
declare <16 x float> @llvm.ldexp.v16f32.v16i32(<16 x float>, <16 x i32>)
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.maximum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.minimum.v16f32(<16 x float>, <16 x float>)
declare float @llvm.vector.reduce.fadd.v16f32(float, <16 x float>)
declare float @llvm.vector.reduce.fmaximum.v16f32(<16 x float>)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)

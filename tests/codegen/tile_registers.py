"""Tile registers without the processor that has them: their instructions as functions in LLVM IR.

A tile register is a vector of 1024 bytes, rows of 64. What the instructions do is written here from
their description in Intel's Architecture Instruction Set Extensions Programming Reference, so that
programs for them can be tested on any processor.
"""

from __future__ import annotations

import re

_READ = """
define internal <256 x i32> @emulated.tileloadd64(
    i16 %rows, i16 %bytes, ptr %from, i64 %step) {
  %file = alloca <256 x i32>
  store <256 x i32> zeroinitializer, ptr %file
  %count = zext i16 %rows to i64
  %size = zext i16 %bytes to i64
  br label %row
row:
  %r = phi i64 [ 0, %0 ], [ %r.next, %row ]
  %offset = mul i64 %r, %step
  %source = getelementptr i8, ptr %from, i64 %offset
  %place = mul i64 %r, 64
  %target = getelementptr i8, ptr %file, i64 %place
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %size, i1 false)
  %r.next = add i64 %r, 1
  %again = icmp ult i64 %r.next, %count
  br i1 %again, label %row, label %end
end:
  %result = load <256 x i32>, ptr %file
  ret <256 x i32> %result
}
define internal <256 x i32> @emulated.tilezero(i16 %rows, i16 %bytes) {
  ret <256 x i32> zeroinitializer
}
define internal void @emulated.tilestored64(
    i16 %rows, i16 %bytes, ptr %to, i64 %step, <256 x i32> %value) {
  %file = alloca <256 x i32>
  store <256 x i32> %value, ptr %file
  %count = zext i16 %rows to i64
  %size = zext i16 %bytes to i64
  br label %row
row:
  %r = phi i64 [ 0, %0 ], [ %r.next, %row ]
  %offset = mul i64 %r, %step
  %target = getelementptr i8, ptr %to, i64 %offset
  %place = mul i64 %r, 64
  %source = getelementptr i8, ptr %file, i64 %place
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %size, i1 false)
  %r.next = add i64 %r, 1
  %again = icmp ult i64 %r.next, %count
  br i1 %again, label %row, label %end
end:
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""

_MULTIPLY = """
define internal <256 x i32> @emulated.NAME(
    i16 %m, i16 %n, i16 %k, <256 x i32> %c, <256 x i32> %a, <256 x i32> %b) {
  %pc = alloca <256 x i32>
  %pa = alloca <256 x i32>
  %pb = alloca <256 x i32>
  store <256 x i32> %c, ptr %pc
  store <256 x i32> %a, ptr %pa
  store <256 x i32> %b, ptr %pb
  %rows = zext i16 %m to i64
  %columns.bytes = zext i16 %n to i64
  %columns = udiv i64 %columns.bytes, 4
  %depth = zext i16 %k to i64
  br label %row
row:
  %r = phi i64 [ 0, %0 ], [ %r.next, %row.end ]
  br label %column
column:
  %j = phi i64 [ 0, %row ], [ %j.next, %column.end ]
  %r16 = mul i64 %r, 16
  %place = add i64 %r16, %j
  %target = getelementptr i32, ptr %pc, i64 %place
  %start = load TOTAL, ptr %target
  br label %element
element:
  %e = phi i64 [ 0, %column ], [ %e.next, %element ]
  %total = phi TOTAL [ %start, %column ], [ %sum, %element ]
  %bytes = mul i64 %e, SIZE
  %r64 = mul i64 %r, 64
  %place.a = add i64 %r64, %bytes
  %address.a = getelementptr i8, ptr %pa, i64 %place.a
  %word = udiv i64 %bytes, 4
  %within = urem i64 %bytes, 4
  %w64 = mul i64 %word, 64
  %j4 = mul i64 %j, 4
  %wj = add i64 %w64, %j4
  %place.b = add i64 %wj, %within
  %address.b = getelementptr i8, ptr %pb, i64 %place.b
  %raw.a = load ELEMENT, ptr %address.a
  %raw.b = load ELEMENT, ptr %address.b
ARITHMETIC
  %e.next = add i64 %e, 1
  %reached = mul i64 %e.next, SIZE
  %more = icmp ult i64 %reached, %depth
  br i1 %more, label %element, label %column.end
column.end:
  store TOTAL %sum, ptr %target
  %j.next = add i64 %j, 1
  %more.columns = icmp ult i64 %j.next, %columns
  br i1 %more.columns, label %column, label %row.end
row.end:
  %r.next = add i64 %r, 1
  %more.rows = icmp ult i64 %r.next, %rows
  br i1 %more.rows, label %row, label %end
end:
  %result = load <256 x i32>, ptr %pc
  ret <256 x i32> %result
}
"""

_BFLOAT = """
  %wide.a = zext i16 %raw.a to i32
  %wide.b = zext i16 %raw.b to i32
  %high.a = shl i32 %wide.a, 16
  %high.b = shl i32 %wide.b, 16
  %x = bitcast i32 %high.a to float
  %y = bitcast i32 %high.b to float
  %product = fmul float %x, %y
  %sum = fadd float %total, %product
"""

_BYTES = """
  %x = LEFT i8 %raw.a to i32
  %y = RIGHT i8 %raw.b to i32
  %product = mul i32 %x, %y
  %sum = add i32 %total, %product
"""


def _functions() -> str:
    parts = [_READ]
    kinds = {"s": "sext", "u": "zext"}
    names = {"tdpbf16ps": _BFLOAT}
    for left, first in kinds.items():
        for right, second in kinds.items():
            text = _BYTES.replace("LEFT", first).replace("RIGHT", second)
            names[f"tdpb{left}{right}d"] = text
    for name, arithmetic in names.items():
        is_float = name == "tdpbf16ps"
        text = _MULTIPLY.replace("ARITHMETIC", arithmetic).replace("NAME", name)
        text = text.replace("TOTAL", "float" if is_float else "i32")
        text = text.replace("SIZE", "2" if is_float else "1")
        parts.append(text.replace("ELEMENT", "i16" if is_float else "i8"))
    return "".join(parts)


def emulate(module: str) -> str:
    """Return a module that computes with functions what it computed with tile registers."""
    text = re.sub(r"^declare .*@llvm\.x86\.t\w+\.internal.*$", "", module, flags=re.MULTILINE)
    text = re.sub(r"@llvm\.x86\.(t\w+)\.internal", r"@emulated.\1", text)
    return text.replace("x86_amx", "<256 x i32>") + _functions()

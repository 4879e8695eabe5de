"""ONNX Runtime on the CPU: a captured function is recorded as an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from benchmarks.libraries.library import Array, Library, UnsupportedError

OPSET = 23
"""The first with attention and the RMS norm."""


class Recorder:
    """The graph that is being recorded."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[int, tuple[str, np.ndarray]] = {}

    def add(self, kind: str, *operands: Value | np.ndarray, **attributes: object) -> Value:
        """Add a node and return its first output."""
        name = f"v{len(self.nodes)}"
        inputs = [each.name or self.keep(each) for each in map(self.wrap, operands)]
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return Value(self, name)

    def wrap(self, operand: Value | np.ndarray) -> Value:
        """Return a value for what may be an array."""
        return operand if isinstance(operand, Value) else Value(self, values=np.asarray(operand))

    def keep(self, value: Value) -> str:
        """Return the name of a constant."""
        known = self.constants.get(id(value.values))
        if known is None:
            known = f"c{len(self.constants)}", value.values
            self.constants[id(value.values)] = known
        return known[0]


class Value:
    """An array: a constant, or what a graph computes."""

    def __init__(
        self, recorder: Recorder | None, name: str = "", values: np.ndarray | None = None
    ) -> None:
        self.recorder, self.name, self.values = recorder, name, values

    def _with(self, kind: str, other: Value | np.ndarray | float, *, swap: bool = False) -> Value:
        if not isinstance(other, Value | np.ndarray):
            other = np.float32(other)
        recorder = self.recorder
        if recorder is None and isinstance(other, Value):
            recorder = other.recorder
        if recorder is None:
            raise UnsupportedError("computes only what is captured")
        return recorder.add(kind, *((other, self) if swap else (self, other)))

    def __add__(self, other: Value | float) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._with("Sub", other)

    def __mul__(self, other: Value | float) -> Value:
        return self._with("Mul", other)

    def __rmul__(self, other: float) -> Value:
        return self._with("Mul", other, swap=True)

    def __matmul__(self, other: Value) -> Value:
        return self._with("MatMul", other)

    def __pow__(self, other: float) -> Value:
        return self._with("Pow", other)

    def __getitem__(self, index: Value | slice) -> Value:
        if isinstance(index, Value):
            return self._with("Gather", index)
        if isinstance(index, slice) and self.values is not None:
            return Value(self.recorder, values=self.values[index])
        raise UnsupportedError("is recorded without such slices")

    def reshape(self, *shape: int | tuple[int, ...]) -> Value:
        sizes = shape[0] if isinstance(shape[0], tuple) else shape
        if self.values is not None:
            return Value(self.recorder, values=self.values.reshape(sizes))
        return self._with("Reshape", np.array(sizes, np.int64))

    def sum(self, axis: int) -> Value:
        return self._with("ReduceSum", np.array([axis], np.int64))

    def max(self, axis: int) -> Value:
        return self._with("ReduceMax", np.array([axis], np.int64))

    def cumsum(self, axis: int) -> Value:
        return self._with("CumSum", np.array(axis, np.int64))


class OnnxRuntimeLibrary(Library):
    """ONNX Runtime, with all of its optimisations of graphs."""

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__}

    def array(self, values: np.ndarray) -> Array:
        return Value(None, values=values.copy())

    def cast(self, x: Array, dtype: str) -> Array:
        del x
        raise UnsupportedError(f"{dtype} is not computed on the CPU")

    def to_numpy(self, value: Array) -> np.ndarray:
        return value

    def wait(self, value: Array) -> None:
        pass

    def capture(self, function: Callable[..., Array]) -> Callable[..., Array]:
        sessions: list[onnxruntime.InferenceSession] = []

        def run(*arrays: Array) -> Array:
            if not sessions:
                sessions.append(self._build(function, arrays))
            feed = {f"i{place}": each.values for place, each in enumerate(arrays)}
            return sessions[0].run(None, feed)[0]

        return run

    def eager(self, function: Callable[..., Array]) -> Callable[..., Array]:
        del function
        raise UnsupportedError("is not eager")

    def _build(
        self, function: Callable[..., Array], arrays: Sequence[Value]
    ) -> onnxruntime.InferenceSession:
        recorder = Recorder()
        inputs = [Value(recorder, f"i{place}") for place in range(len(arrays))]
        result = function(*inputs)
        graph = helper.make_graph(
            recorder.nodes,
            "case",
            [
                helper.make_tensor_value_info(
                    each.name,
                    helper.np_dtype_to_tensor_dtype(array.values.dtype),
                    array.values.shape,
                )
                for each, array in zip(inputs, arrays, strict=True)
            ],
            [onnx.ValueInfoProto(name=result.name)],
            [numpy_helper.from_array(values, name) for name, values in recorder.constants.values()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 11
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def _add(self, kind: str, x: Array, *others: Array, **attributes: object) -> Array:
        return x.recorder.add(kind, x, *others, **attributes)

    def exp(self, x: Array) -> Array:
        return self._add("Exp", x)

    def tanh(self, x: Array) -> Array:
        return self._add("Tanh", x)

    def maximum(self, x: Array, other: float) -> Array:
        return self._add("Relu", x) if other == 0 else self._add("Max", x, np.float32(other))

    def sum(self, x: Array, axis: int | None = None) -> Array:
        axes = () if axis is None else (np.array([axis], np.int64),)
        return self._add("ReduceSum", x, *axes, keepdims=0)

    def amax(self, x: Array, axis: int) -> Array:
        return self._add("ReduceMax", x, np.array([axis], np.int64), keepdims=0)

    def mean(self, x: Array, axes: tuple[int, ...]) -> Array:
        return self._add("ReduceMean", x, np.array(axes, np.int64), keepdims=0)

    def permute(self, x: Array, order: tuple[int, ...]) -> Array:
        if x.values is not None:
            return Value(x.recorder, values=np.ascontiguousarray(x.values.transpose(order)))
        return self._add("Transpose", x, perm=order)

    def copy(self, x: Array) -> Array:
        return x

    def concatenate(self, parts: Sequence[Array], axis: int) -> Array:
        return self._add("Concat", *parts, axis=axis)

    def softmax(self, x: Array) -> Array:
        return self._add("Softmax", x, axis=-1)

    def log_softmax(self, x: Array) -> Array:
        return self._add("LogSoftmax", x, axis=-1)

    def layer_norm(self, x: Array, weight: Array, bias: Array) -> Array:
        return self._add("LayerNormalization", x, weight, bias, epsilon=1e-5)

    def rms_norm(self, x: Array, weight: Array) -> Array:
        return self._add("RMSNormalization", x, weight, epsilon=1e-5)

    def gelu(self, x: Array) -> Array:
        return self._add("Gelu", x, approximate="tanh")

    def conv2d(
        self,
        x: Array,
        weight: Array,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        sizes = {"strides": stride, "pads": padding, "dilations": dilation}
        pairs = {name: [value] * (4 if name == "pads" else 2) for name, value in sizes.items()}
        return self._add("Conv", x, weight, group=groups, **pairs)

    def max_pool2d(self, x: Array, size: int, stride: int, padding: int = 0) -> Array:
        return self._add(
            "MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4
        )

    def frozen_batch_norm(
        self, x: Array, weight: Array, bias: Array, mean: Array, variance: Array
    ) -> Array:
        return self._add("BatchNormalization", x, weight, bias, mean, variance)

    def attention(self, query: Array, key: Array, value: Array, *, is_causal: bool = True) -> Array:
        return self._add("Attention", query, key, value, is_causal=int(is_causal))

    def multiply_integers(self, a: Array, b: Array) -> Array:
        return self._add("MatMulInteger", a, b)

#!/usr/bin/env bash
# onnxruntime 1.32.0: after quantize_dynamic the vector of a text depends on the texts beside it.
# Expected: rows of a batch do not influence each other, so that a stored vector equals the one
# computed again in another batch, as it does before quantisation.
# Seen: dynamic quantisation takes one range for the activations of the whole batch. A row with
# large values makes the steps of all others coarse; padding rows or lengths act the same way.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import logging

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

logging.disable(logging.WARNING)  # advice to preprocess the graph
random = np.random.default_rng(0)
inner = (random.normal(size=(64, 128)) / 8).astype(np.float32)
outer = (random.normal(size=(128, 32)) / 11).astype(np.float32)
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "inner"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "outer"], ["y"]),
    ],
    "two_layers",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 32])],
    [numpy_helper.from_array(inner, "inner"), numpy_helper.from_array(outer, "outer")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, "float.onnx")
quantize_dynamic("float.onnx", "int8.onnx", weight_type=QuantType.QInt8, per_channel=True)

row = random.normal(size=(1, 64)).astype(np.float32)
large = 20 * random.normal(size=(1, 64)).astype(np.float32)
batches = {"alone": row, "beside itself": np.vstack([row, row]), "beside a large row": np.vstack([row, large])}


def first_row(file, batch):
    return onnxruntime.InferenceSession(file).run(None, {"x": batch})[0][0]


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


print("onnxruntime", onnxruntime.__version__)
seen = {}
for file in ("float.onnx", "int8.onnx"):
    for name, batch in batches.items():
        vector = first_row(file, batch)
        reference = first_row("float.onnx", row)
        apart = float(np.abs(vector - first_row(file, row)).max())
        seen[file, name] = apart
        print(f"{file:10} {name:18} largest change {apart:.4f}, cosine to float32 {cosine(vector, reference):.5f}")

if max(seen["float.onnx", name] for name in batches) > 1e-5 or seen["int8.onnx", "beside itself"] > 1e-5:
    raise SystemExit(f"CHANGED: {seen}: these rows were equal")
if seen["int8.onnx", "beside a large row"] < 0.05:
    raise SystemExit(f"CHANGED: {seen}: the row beside a large one was .19 apart")
print("As described: the same row has two vectors.")
PYTHON

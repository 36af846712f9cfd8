"""Masks of torch.nn.utils.prune for test_prune.c, as the number and the SHA-256 of the weights that are left.

Run from the root of the repository: /usr/bin/python3 tests/golden/prune/make_masks.py > tests/golden/prune/masks.txt
A line: model, criterion, scope, amount (a share, or a count when it is above 1), repeats, seed, then the number of zeros and the SHA-256
of all mask bytes (1: kept) of the weights in graph order. Weights come from examples/models/*.onnx.
"""
import hashlib, sys
import numpy as np, onnx, torch, torch.nn as nn, torch.nn.utils.prune as prune
from onnx import numpy_helper

CASES = [("lenet5", "l1", "layer", 0.5, 1), ("lenet5", "l1", "global", 0.9, 1), ("lenet5", "l1", "layer", 0.2, 3),
         ("lenet5", "l1", "global", 0.2, 3), ("lenet5", "random", "layer", 0.3, 1), ("lenet5", "random", "global", 0.3, 1),
         ("lenet5", "random", "layer", 0.3, 2), ("lenet5", "l1", "layer", 7, 1), ("lenet5", "l1", "global", 1000, 2),
         ("lenet300", "l1", "global", 0.95, 1), ("lenet5_caffe", "l1", "global", 0.9, 1), ("lenet5_caffe", "l1", "layer", 0.75, 1),
         ("resnet8", "l1", "global", 0.6, 2), ("dscnn", "random", "global", 0.5, 1), ("lstm_student", "l1", "layer", 0.35, 1)]


class Holder(nn.Module):
    def __init__(self, weights):
        super().__init__()
        for i, w in enumerate(weights):
            self.register_parameter(f"w{i}", nn.Parameter(torch.tensor(w)))


def weights_of(name):
    graph = onnx.load(f"examples/models/{name}.onnx").graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    places = {"Conv": [1], "Gemm": [1], "MatMul": [1], "LSTM": [1, 2]}
    return [tensors[node.input[i]] for node in graph.node for i in places.get(node.op_type, []) if node.input[i] in tensors]


def masks(name, criterion, scope, amount, repeats, seed):
    weights = weights_of(name)
    holder = Holder(weights)
    names = [f"w{i}" for i in range(len(weights))]
    method = {"l1": prune.L1Unstructured, "random": prune.RandomUnstructured}[criterion]
    for i in range(repeats):
        torch.manual_seed(seed + i)
        if scope == "global":
            prune.global_unstructured([(holder, n) for n in names], method, amount=amount)
        else:
            for n in names:
                method.apply(holder, n, amount)
    return [getattr(holder, n + "_mask").numpy().astype(np.uint8) for n in names]


print(f"# torch {torch.__version__}, onnx {onnx.__version__}")
for case in CASES:
    made = masks(*case, seed=11)
    digest = hashlib.sha256(b"".join(m.tobytes() for m in made)).hexdigest()
    print(*case, 11, sum(int((m == 0).sum()) for m in made), digest)

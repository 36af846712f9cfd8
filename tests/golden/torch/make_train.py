"""Training goldens from PyTorch: gradients, first losses, optimizer steps, clipping, rates, KL divergence, distillation.

Run with the interpreter that has Debian's python3-torch and python3-onnx:  /usr/bin/python3 make_train.py
Versions used are written to versions.txt. The networks are those of examples/models, read by name from their ONNX files; weights are
leaves in ONNX's own layout, so gradients come out in it too.
"""
import gzip, pathlib
import numpy as np, onnx, torch, torch.nn as nn, torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
MODELS, KD = HERE.parents[2] / "examples/models", HERE.parents[2] / "examples/kd"
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
SAMPLES = 256  # of each gradient, evenly spread


def idx(name, offset, shape):
    return np.frombuffer(gzip.open(DATA / name).read(), np.uint8, offset=offset).reshape(shape).copy()


def save(name, array, dtype=np.float32):
    np.save(HERE / name, np.ascontiguousarray(array, dtype=dtype))


# ---- networks as functions of a dictionary of leaves ----------------------------------------------------------------

def leaves(model):
    return {i.name: torch.tensor(numpy_helper.to_array(i)).requires_grad_() for i in model.graph.initializer}


def run_lstm(p, names, x):
    w, r, b = (p[n][0] for n in names)
    hidden = r.shape[1]

    def gates(t):  # ONNX: i o f c; PyTorch: i f g o
        i, o, f, c = t.split(hidden)
        return torch.cat([i, f, c, o])
    b_ih, b_hh = b.split(4 * hidden)
    zero = torch.zeros(1, len(x), hidden)
    return torch._VF.lstm(x, (zero, zero), [gates(w), gates(r), gates(b_ih), gates(b_hh)], True, 1, 0.0, False, False, True)[0]


def run_graph(model, p, x, training=False, stats=None):
    """A feed-forward ONNX graph in PyTorch's operators."""
    v = dict(p)
    v[[i.name for i in model.graph.input if i.name not in p][0]] = x
    for node in model.graph.node:
        a = {t.name: helper.get_attribute_value(t) for t in node.attribute}
        i = [v[n] if n in v else None for n in node.input]
        if node.op_type == "Constant":
            y = torch.tensor(numpy_helper.to_array(a["value"]))
        elif node.op_type == "Conv":
            pads = a.get("pads", [0, 0, 0, 0])
            assert pads[0] == pads[2] and pads[1] == pads[3]
            y = F.conv2d(i[0], i[1], i[2] if len(i) > 2 else None, a.get("strides", [1, 1]), pads[:2], a.get("dilations", [1, 1]), a.get("group", 1))
        elif node.op_type == "Gemm":
            y = F.linear(i[0], i[1] if a.get("transB", 0) else i[1].T, i[2])
        elif node.op_type == "Relu":
            y = F.relu(i[0])
        elif node.op_type == "Clip":
            y = F.hardtanh(i[0], i[1].item(), i[2].item())
        elif node.op_type == "MaxPool":
            y = F.max_pool2d(i[0], a["kernel_shape"], a["strides"])
        elif node.op_type == "GlobalAveragePool":
            y = F.adaptive_avg_pool2d(i[0], 1)
        elif node.op_type == "Flatten":
            y = i[0].flatten(1)
        elif node.op_type == "Add":
            y = i[0] + i[1]
        elif node.op_type == "BatchNormalization":
            y = F.batch_norm(i[0], stats[node.input[3]], stats[node.input[4]], i[1], i[2], training, 1 - a.get("momentum", 0.9), a.get("epsilon", 1e-5))
        else:
            raise NotImplementedError(node.op_type)
        v[node.output[0]] = y
    return v[model.graph.output[0].name]


def network(name):
    model = onnx.load(str(MODELS / f"{name}.onnx"))
    p = leaves(model)
    if name.startswith("lstm"):
        lstm = [n for n in p if n.startswith("onnx::LSTM")]
        return p, lambda x: F.linear(run_lstm(p, lstm, x.flatten(1, 2))[:, -1], p["head.weight"], p["head.bias"])
    return p, lambda x: run_graph(model, p, x)


def gradient_rows(p):
    """One row for each leaf: norm, largest magnitude, step, then every step-th element from the first (zeros behind the last)."""
    rows = []
    for t in p.values():
        g = t.grad.flatten()
        step = -(-len(g) // SAMPLES)
        row = np.zeros(3 + SAMPLES, np.float32)
        row[:3] = [g.double().norm(), g.abs().max(), step]
        row[3:3 + len(g[::step])] = g[::step]
        rows.append(row)
    return np.stack(rows)


def save_gradients(name, p):
    save(f"gradients_{name}.npy", gradient_rows(p))
    (HERE / f"gradients_{name}.txt").write_text("".join(n + "\n" for n in p))


# ---- the cases -------------------------------------------------------------------------------------------------------

def gradients():
    images, labels = idx("t10k-images-idx3-ubyte.gz", 16, (-1, 1, 28, 28))[:8], idx("t10k-labels-idx1-ubyte.gz", 8, -1)[:8]
    save("images.npy", images, np.uint8)
    save("labels.npy", labels, np.uint8)
    x, y = torch.tensor(images).float() / 255, torch.tensor(labels.astype(np.int64))
    losses = []
    for name in ["lenet5", "lenet300", "dscnn", "resnet8", "lstm_student"]:
        p, net = network(name)
        image = x.clone().requires_grad_()
        loss = F.cross_entropy(net(image), y)
        loss.backward()
        losses.append(loss.item())
        save_gradients(name, {**p, "image": image})
    save("gradient_losses.npy", losses, np.float64)


def batch_norm():
    rng = np.random.default_rng(1)
    arrays = {"conv.weight": rng.normal(0, 0.3, (4, 1, 3, 3)), "conv.bias": rng.normal(0, 0.1, 4), "bn.scale": rng.uniform(0.5, 1.5, 4),
              "bn.bias": rng.normal(0, 0.2, 4), "bn.mean": rng.normal(0, 0.1, 4), "bn.var": rng.uniform(0.2, 0.5, 4),
              "head.weight": rng.normal(0, 0.5, (10, 4)), "head.bias": rng.normal(0, 0.1, 10)}
    arrays = {k: a.astype(np.float32) for k, a in arrays.items()}
    nodes = [helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["a"], "conv", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
             helper.make_node("BatchNormalization", ["a", "bn.scale", "bn.bias", "bn.mean", "bn.var"], ["b"], "bn", epsilon=1e-3, momentum=0.8),
             helper.make_node("Relu", ["b"], ["c"], "relu"), helper.make_node("GlobalAveragePool", ["c"], ["d"], "pool"),
             helper.make_node("Flatten", ["d"], ["e"], "flatten"),
             helper.make_node("Gemm", ["e", "head.weight", "head.bias"], ["logits"], "head", transB=1)]
    graph = helper.make_graph(nodes, "bn", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
                              [numpy_helper.from_array(a, k) for k, a in arrays.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(HERE / "bn.onnx"))
    p = leaves(model)
    stats = {n: p.pop(n).detach() for n in ["bn.mean", "bn.var"]}
    x = torch.tensor(np.load(HERE / "images.npy")).float() / 255
    y = torch.tensor(np.load(HERE / "labels.npy").astype(np.int64))
    loss = F.cross_entropy(run_graph(model, p, x, True, stats), y)
    loss.backward()
    save_gradients("bn", p)
    save("bn_statistics.npy", np.stack([stats["bn.mean"], stats["bn.var"]]))
    save("bn_loss.npy", [loss.item()], np.float64)


def first_losses():
    x = torch.tensor(idx("train-images-idx3-ubyte.gz", 16, (-1, 1, 28, 28))[:640]).float() / 255
    y = torch.tensor(idx("train-labels-idx1-ubyte.gz", 8, -1)[:640].astype(np.int64))
    for name in ["lenet5", "lstm_student"]:
        losses, norms = [], []
        for make in [lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-4),
                     lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=1e-4), lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=1e-2)]:
            p, net = network(name)
            optimizer = make(p.values())
            for bx, by in zip(x.split(64), y.split(64)):
                optimizer.zero_grad()
                loss = F.cross_entropy(net(bx), by)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            norms.append([t.detach().double().norm().item() for t in p.values()])
        save(f"losses_{name}.npy", np.array(losses).reshape(3, 10), np.float64)
        save(f"norms_{name}.npy", norms, np.float64)


def optimizers():
    rng = np.random.default_rng(2)
    start, gs = rng.normal(0, 1, 16).astype(np.float32), rng.normal(0, 1, (20, 16)).astype(np.float32)
    makers = [lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
              lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
              lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.99), weight_decay=0.01), lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.9, 0.99), weight_decay=0.1)]
    paths = []
    for make in makers:
        w = torch.tensor(start).requires_grad_()
        optimizer, path = make([w]), []
        for g in gs:
            w.grad = torch.tensor(g)
            optimizer.step()
            path.append(w.detach().numpy().copy())
        paths.append(path)
    save("optim_start.npy", start)
    save("optim_gradients.npy", gs)
    save("optim_weights.npy", paths)
    g = torch.tensor(rng.normal(0, 1, 100).astype(np.float32))
    parts = [torch.zeros(37, requires_grad=True), torch.zeros(60, requires_grad=True), torch.zeros(3, requires_grad=True)]
    for part, piece in zip(parts, g.split([37, 60, 3])):
        part.grad = piece.clone()
    norm = torch.nn.utils.clip_grad_norm_(parts, 1.5)
    save("clip_in.npy", g)
    save("clip_out.npy", torch.cat([t.grad for t in parts]))
    save("clip_norm.npy", [norm.item()], np.float64)
    rates = []
    for make in [lambda o: torch.optim.lr_scheduler.StepLR(o, 2 * 10, 0.3), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 70)]:
        o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.05)
        s = make(o)
        for _ in range(70):
            rates.append(o.param_groups[0]["lr"])
            o.step()
            s.step()
    save("rates.npy", np.array(rates).reshape(2, 70), np.float64)


def kl():
    rng = np.random.default_rng(3)
    student, teacher, t = rng.normal(0, 2, (5, 4)).astype(np.float32), rng.normal(0, 2, (5, 4)).astype(np.float32), 3.0
    teacher[0, 0], teacher[1, 2] = -400, 400  # probabilities that are exactly 0
    values, gs = [], []
    for form in ["log_probabilities", "raw_logits"]:
        for reduction in ["batchmean", "mean", "sum"]:
            s = torch.tensor(student).requires_grad_()
            x = F.log_softmax(s / t, 1) if form == "log_probabilities" else s / t
            loss = nn.KLDivLoss(reduction=reduction)(x, F.softmax(torch.tensor(teacher) / t, 1))
            loss.backward()
            values.append(loss.item())
            gs.append(s.grad.numpy())
    save("kl_student.npy", student)
    save("kl_teacher.npy", teacher)
    save("kl_values.npy", np.array(values).reshape(2, 3), np.float64)
    save("kl_gradients.npy", np.array(gs).reshape(2, 3, 5, 4))
    labels = np.array([0, 3, 1, 2, 2])
    s = torch.tensor(student).requires_grad_()
    loss = F.cross_entropy(s, torch.tensor(labels))
    loss.backward()
    save("ce_labels.npy", labels, np.int32)
    save("ce_loss.npy", [loss.item()], np.float64)
    save("ce_gradient.npy", s.grad)


class Classifier(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm, self.head = nn.LSTM(2, hidden, batch_first=True), nn.Linear(hidden, 4)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


KD_RUNS = [("raw_logits", "mean", 1.0), ("raw_logits", "batchmean", 2.0), ("log_probabilities", "mean", 1.0), ("log_probabilities", "batchmean", 2.0)]


def distillation():
    """Two LSTM classifiers: input 2, hidden 16 and 8, 6 steps, 4 classes; SGD 0.1, momentum 0.9; 0.9 soft + 0.1 hard."""
    rng = np.random.default_rng(4)
    y = np.arange(320) % 4
    angle = rng.uniform(0, 2 * np.pi, 320)[:, None] + np.where(y & 1, -1, 1)[:, None] * np.pi / 4 * np.arange(6)
    radius = 1 + np.where(y & 2, 0.15, -0.15)[:, None] * (np.arange(6) - 2.5)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2) + rng.normal(0, 0.2, (320, 6, 2))
    x, y = torch.tensor(x.astype(np.float32)), torch.tensor(y)
    save("kd_x.npy", x)
    save("kd_y.npy", y, np.int32)
    torch.manual_seed(0)
    teacher, student = Classifier(16), Classifier(8)
    start = {k: v.clone() for k, v in student.state_dict().items()}
    optimizer = torch.optim.SGD(teacher.parameters(), lr=0.1, momentum=0.9)
    for _ in range(60):
        for bx, by in zip(x.split(32), y.split(32)):
            optimizer.zero_grad()
            F.cross_entropy(teacher(bx), by).backward()
            optimizer.step()
    print("teacher accuracy on its own samples", (teacher(x).argmax(1) == y).float().mean().item())
    for name, net in [("teacher", teacher), ("student", student)]:
        torch.onnx.export(net.eval(), x[:1], str(KD / f"{name}.onnx"), opset_version=13, input_names=["points"], output_names=["logits"],
                          dynamic_axes={"points": {0: "N"}, "logits": {0: "N"}})
    losses = []
    for form, reduction, t in KD_RUNS:
        student.load_state_dict(start)
        student.train()
        optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
        for _ in range(4):
            for bx, by in zip(x.split(32), y.split(32)):
                optimizer.zero_grad()
                s = student(bx)
                with torch.no_grad():
                    p = F.softmax(teacher(bx) / t, 1)
                soft = nn.KLDivLoss(reduction=reduction)(F.log_softmax(s / t, 1) if form == "log_probabilities" else s / t, p)
                loss = 0.9 * t * t * soft + 0.1 * F.cross_entropy(s, by)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        print(form, reduction, t, [round(v, 4) for v in losses[-40::6]])
    save("kd_losses.npy", np.array(losses).reshape(len(KD_RUNS), 40), np.float64)


torch.set_num_threads(1)
gradients()
batch_norm()
first_losses()
optimizers()
kl()
distillation()
(HERE / "versions.txt").write_text(f"torch {torch.__version__}\nonnx {onnx.__version__}\nnumpy {np.__version__}\n")

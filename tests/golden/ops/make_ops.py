"""Makes ops.txt and ops_nd.txt: values and gradients of the heavy operators from PyTorch. Run: /usr/bin/python3 tests/golden/ops/make_ops.py
Format, one item a line: case OP TITLE | attr NAME TYPE VALUE... | in/out/dout/din INDEX DTYPE SHAPE VALUES | end.
`dout` are the gradients that come in, `din` those expected (missing: none). `mode train`: only a training session gives these values.
"""
import pathlib, torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(1)
lines = [f"# PyTorch {torch.__version__}, made by make_ops.py"]


def text(t):
    kind = {torch.float32: "f32", torch.int32: "s32", torch.bool: "bool"}[t.dtype]
    shape = ",".join(str(d) for d in t.shape) or "-"
    return f"{kind} {shape} " + " ".join(f"{v:.8g}" for v in t.detach().reshape(-1).tolist())


def case(op, title, attrs, inputs, fn, train=False, grad=True, no_grad_in=(), expect_after=None):
    """fn(inputs) -> list of outputs (None: left out)."""
    inputs = [None if i is None else i.detach().clone() for i in inputs]
    leaves = [i.requires_grad_(grad and n not in no_grad_in) if i is not None and i.is_floating_point() else i for n, i in enumerate(inputs)]
    before = [None if i is None else i.detach().clone() for i in leaves]
    outs = fn(leaves)
    lines.append(f"case {op} {title}")
    if train:
        lines.append("mode train")
    for name, value in attrs.items():
        if isinstance(value, str):
            lines.append(f"attr {name} s {value}")
        elif isinstance(value, float):
            lines.append(f"attr {name} f {value:.9g}")
        elif isinstance(value, int):
            lines.append(f"attr {name} i {value}")
        elif value and isinstance(value[0], str):
            lines.append(f"attr {name} strings " + " ".join(value))
        elif value and isinstance(value[0], float):
            lines.append(f"attr {name} floats " + " ".join(f"{v:.9g}" for v in value))
        else:
            lines.append(f"attr {name} ints " + " ".join(map(str, value)))
    for n, i in enumerate(before):
        if i is not None:
            lines.append(f"in {n} " + text(i))
    for n, o in enumerate(outs):
        if o is not None:
            lines.append(f"out {n} " + text(o))
    if grad:
        douts = [None if o is None else torch.randn(o.shape) for o in outs]
        sum((o * d).sum() for o, d in zip(outs, douts) if o is not None).backward()
        for n, d in enumerate(douts):
            if d is not None:
                lines.append(f"dout {n} " + text(d))
        for n, i in enumerate(leaves):
            if i is not None and i.is_floating_point() and i.grad is not None:
                lines.append(f"din {n} " + text(i.grad))
    for n, value in (expect_after or {}).items():
        lines.append(f"after {n} " + text(value(leaves)))
    lines.append("end")


r = torch.randn

# ---- Conv
def conv(title, x, w, b, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), group=1, auto_pad=None):
    one = len(x) == 3
    attrs = {"strides": list(stride), "dilations": list(dilation), "group": group, "kernel_shape": list(w[2:])}
    if auto_pad:
        attrs["auto_pad"] = auto_pad
    else:
        attrs["pads"] = list(pads)
    def fn(i):
        padding = [pads[1], pads[3], pads[0], pads[2]] if not one else [pads[0], pads[1]]
        f = F.conv1d if one else F.conv2d
        return [f(F.pad(i[0], padding), i[1], i[2], stride, 0, dilation, group)]
    case("Conv", title, attrs, [r(x), r(w), r(b) if b else None], fn)

conv("plain", (2, 3, 6, 5), (4, 3, 3, 3), (4,))
conv("same 5x5 one channel", (2, 1, 8, 8), (6, 1, 5, 5), (6,), pads=(2, 2, 2, 2))
conv("strides and uneven pads", (1, 2, 7, 9), (3, 2, 3, 2), (3,), (2, 3), (1, 0, 2, 1))
conv("dilations", (1, 2, 9, 8), (2, 2, 3, 3), None, (1, 2), (2, 2, 2, 2), (2, 3))
conv("two groups", (2, 4, 5, 5), (6, 2, 3, 3), (6,), pads=(1, 1, 1, 1), group=2)
conv("depthwise", (2, 3, 6, 7), (3, 1, 3, 3), (3,), pads=(1, 1, 1, 1), group=3)
conv("depthwise stride 2 multiplier 2", (1, 2, 7, 6), (4, 1, 3, 3), None, (2, 2), (1, 1, 1, 1), group=2)
conv("1x1 stride 2", (2, 3, 5, 5), (4, 3, 1, 1), None, (2, 2))
conv("1x1", (2, 3, 4, 5), (5, 3, 1, 1), (5,))
conv("one dimension", (2, 3, 9), (4, 3, 3), (4,), (2,), (1, 1), (1,))
conv("SAME_UPPER", (1, 1, 5, 6), (2, 1, 3, 4), (2,), (2, 2), (1, 1, 1, 1), auto_pad="SAME_UPPER")
conv("SAME_LOWER even kernel", (1, 1, 5, 6), (2, 1, 2, 2), (2,), (1, 1), (1, 1, 0, 0), auto_pad="SAME_LOWER")
conv("VALID", (1, 1, 5, 6), (2, 1, 3, 3), (2,), (1, 1), (0, 0, 0, 0), auto_pad="VALID")

# ---- Gemm, MatMul
def gemm(title, a, b, c, alpha=1.0, beta=1.0, ta=0, tb=0):
    attrs = {"alpha": alpha, "beta": beta, "transA": ta, "transB": tb}
    def fn(i):
        p = alpha * ((i[0].T if ta else i[0]) @ (i[1].T if tb else i[1]))
        return [p if i[2] is None else p + beta * i[2]]
    case("Gemm", title, attrs, [r(a), r(b), None if c is None else r(c)], fn)

gemm("linear layer", (5, 7), (9, 7), (9,), tb=1)
gemm("one row", (1, 7), (11, 7), (11,), tb=1)
gemm("transposed A", (4, 3), (4, 10), (1, 10), ta=1)
gemm("both transposed, alpha and beta", (4, 3), (5, 4), (3, 5), 0.5, 2.0, 1, 1)
gemm("no C", (3, 4), (4, 2), None, 1.5)
gemm("column C", (3, 4), (4, 2), (3, 1))
gemm("scalar C", (3, 4), (4, 2), (), 1.0, 0.25)
gemm("C of one number", (3, 4), (4, 2), (1,))
for title, a, b in [("matrices", (3, 4), (4, 5)), ("batch times matrix", (2, 3, 4), (4, 5)), ("batches", (2, 3, 4), (2, 4, 5)),
                    ("broadcast batches", (2, 1, 3, 4), (3, 4, 2)), ("left repeated", (3, 4), (2, 4, 5)), ("row vector", (4,), (4, 5)),
                    ("column vector", (2, 3, 4), (4,)), ("two vectors", (4,), (4,)), ("row vector times batch", (4,), (2, 4, 3))]:
    case("MatMul", title, {}, [r(a), r(b)], lambda i: [torch.matmul(i[0], i[1])])

# ---- pools
def pool(op, title, x, kernel, stride, pad, ceil=0, **extra):
    attrs = {"kernel_shape": list(kernel), "strides": list(stride), "pads": list(pad) * 2, "ceil_mode": ceil, **extra}
    one = len(kernel) == 1
    if op == "MaxPool":
        fn = lambda i: [(F.max_pool1d if one else F.max_pool2d)(i[0], kernel, stride, pad, tuple(extra.get("dilations", [1] * len(kernel))), bool(ceil))]
    else:
        fn = lambda i: [(F.avg_pool1d if one else F.avg_pool2d)(i[0], kernel, stride, pad, bool(ceil), bool(extra.get("count_include_pad", 0)))]
    case(op, title, attrs, [r(x)], fn)

pool("MaxPool", "2x2", (2, 3, 6, 8), (2, 2), (2, 2), (0, 0))
pool("MaxPool", "2x2 odd image", (1, 2, 5, 7), (2, 2), (2, 2), (0, 0))
pool("MaxPool", "3x3 stride 2 padded", (2, 2, 7, 8), (3, 3), (2, 2), (1, 1))
pool("MaxPool", "ceil_mode", (1, 2, 6, 7), (3, 2), (2, 2), (0, 0), 1)
pool("MaxPool", "ceil_mode padded", (1, 2, 6, 7), (2, 2), (2, 2), (1, 1), 1)
pool("MaxPool", "dilations", (1, 2, 8, 9), (2, 3), (1, 2), (0, 0), 0, dilations=[3, 2])
pool("MaxPool", "one dimension", (2, 2, 9), (3,), (2,), (1,))
pool("AveragePool", "2x2", (2, 3, 6, 8), (2, 2), (2, 2), (0, 0))
pool("AveragePool", "padded", (1, 2, 7, 6), (3, 3), (2, 2), (1, 1))
pool("AveragePool", "padding counts", (1, 2, 7, 6), (3, 3), (2, 2), (1, 1), 0, count_include_pad=1)
pool("AveragePool", "ceil_mode", (1, 2, 7, 6), (3, 3), (2, 2), (1, 1), 1)
pool("AveragePool", "ceil_mode, padding counts", (1, 2, 6, 8), (3, 3), (2, 2), (1, 1), 1, count_include_pad=1)
pool("AveragePool", "one dimension", (2, 2, 9), (4,), (3,), (2,), 0, count_include_pad=1)
case("GlobalAveragePool", "image", {}, [r(2, 3, 4, 5)], lambda i: [i[0].mean((2, 3), keepdim=True)])
case("GlobalAveragePool", "line", {}, [r(2, 3, 11)], lambda i: [i[0].mean(2, keepdim=True)])

# ---- BatchNormalization
for title, shape in [("image", (3, 4, 5, 3)), ("rows", (6, 5)), ("line", (2, 3, 9))]:
    inputs = [r(shape) * 2 + 1, torch.rand(shape[1]) + 0.5, r(shape[1]), r(shape[1]), torch.rand(shape[1]) + 0.5]
    case("BatchNormalization", title + " inference", {"epsilon": 1e-5}, inputs, lambda i: [F.batch_norm(i[0], i[3], i[4], i[1], i[2], False, 0.1, 1e-5)],
         grad=False)
    moved = {}
    def train(i):
        mean, var = i[3].detach().clone(), i[4].detach().clone()
        y = F.batch_norm(i[0], mean, var, i[1], i[2], True, 0.2, 1e-3)
        moved[3], moved[4] = mean, var
        return [y]
    case("BatchNormalization", title + " training", {"epsilon": 1e-3, "momentum": 0.8}, inputs, train, train=True, no_grad_in=(3, 4),
         expect_after={3: lambda _: moved[3], 4: lambda _: moved[4]})

# ---- LSTM: ONNX's formulas, with autograd
ACT = {"Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Relu": torch.relu, "HardSigmoid": lambda x: (0.2 * x + 0.5).clamp(0, 1)}


def onnx_lstm(i, directions, layout=0, clip=0.0, input_forget=0, acts=None, reverse_first=False):
    x, w, rr, b, lens, h0, c0, p = i
    if layout:
        x = x.transpose(0, 1)
    T, N, H = x.shape[0], x.shape[1], rr.shape[2]
    acts = acts or ["Sigmoid", "Tanh", "Tanh"] * directions
    ys = torch.zeros(T, directions, N, H)
    out = [[[None] * N for _ in range(directions)] for _ in range(T)]
    hs, cs = [], []
    cl = (lambda v: v.clamp(-clip, clip)) if clip else (lambda v: v)
    for d in range(directions):
        f, g, h_act = (ACT[a] for a in acts[3 * d:3 * d + 3])
        rev = d == 1 or reverse_first
        hd, cd = [], []
        for n in range(N):
            state = (lambda s: torch.zeros(H) if s is None else (s[n, d] if layout else s[d, n]))
            h, c = state(h0), state(c0)
            L = T if lens is None else int(lens[n])
            for s in range(L):
                t = L - 1 - s if rev else s
                a = w[d] @ x[t, n] + rr[d] @ h
                if b is not None:
                    a = a + b[d, :4 * H] + b[d, 4 * H:]
                ai, ao, af, ac = a.split(H)
                if p is not None:
                    ai, af = ai + p[d, :H] * c, af + p[d, 2 * H:] * c
                ig = f(cl(ai))
                fg = 1 - ig if input_forget else f(cl(af))
                c = fg * c + ig * g(cl(ac))
                if p is not None:
                    ao = ao + p[d, H:2 * H] * c
                h = f(cl(ao)) * h_act(c)
                out[t][d][n] = h
            hd.append(h), cd.append(c)
        hs.append(torch.stack(hd)), cs.append(torch.stack(cd))
    y = torch.stack([torch.stack([torch.stack([v if v is not None else torch.zeros(H) for v in out[t][d]]) for d in range(directions)]) for t in range(T)])
    h, c = torch.stack(hs), torch.stack(cs)
    return [y.permute(2, 0, 1, 3), h.transpose(0, 1), c.transpose(0, 1)] if layout else [y, h, c]


def lstm(title, T, N, I, H, D=1, bias=True, lens=None, state=False, peepholes=False, layout=0, reverse=False, clip=0.0, input_forget=0, acts=None, drop=(),
         grad=True):
    attrs = {"hidden_size": H, "direction": "bidirectional" if D == 2 else "reverse" if reverse else "forward"}
    if layout: attrs["layout"] = layout
    if clip: attrs["clip"] = clip
    if input_forget: attrs["input_forget"] = 1
    if acts: attrs["activations"] = acts
    s = (N, D, H) if layout else (D, N, H)
    inputs = [r((N, T, I) if layout else (T, N, I)), r(D, 4 * H, I) * 0.5, r(D, 4 * H, H) * 0.5, r(D, 8 * H) * 0.5 if bias else None,
              torch.tensor(lens, dtype=torch.int32) if lens else None, r(s) if state else None, r(s) if state else None,
              r(D, 3 * H) * 0.5 if peepholes else None]
    def fn(i):
        outs = onnx_lstm(i, D, layout, clip, input_forget, acts, reverse)
        return [None if n in drop else o for n, o in enumerate(outs)]
    case("LSTM", title, attrs, inputs, fn, grad=grad)


lstm("forward", 4, 3, 5, 6)
lstm("only the last hidden state", 4, 2, 3, 4, drop=(0, 2), state=True)
lstm("reverse", 3, 2, 4, 5, reverse=True, state=True)
lstm("bidirectional", 4, 2, 3, 4, D=2, state=True)
lstm("no bias, batch 1", 5, 1, 2, 3, bias=False)
lstm("lengths of sequences", 4, 3, 3, 4, D=2, lens=[4, 1, 3], state=True)
lstm("layout 1", 3, 2, 4, 3, D=2, layout=1, state=True)
lstm("layout 1 with lengths, reverse", 3, 2, 4, 3, layout=1, lens=[2, 3], reverse=True)
lstm("peepholes", 3, 2, 3, 4, D=2, peepholes=True, state=True)
lstm("input_forget", 3, 2, 3, 4, input_forget=1, peepholes=True)
lstm("clip", 3, 2, 3, 4, clip=0.4, grad=False)
lstm("other activations", 3, 2, 3, 4, acts=["HardSigmoid", "Relu", "Tanh"])

# the formulas above are PyTorch's own LSTM
net, x = nn.LSTM(5, 6), r(4, 3, 5)
order = lambda t: torch.cat([t.split(6)[k] for k in (0, 3, 1, 2)])
y, (h, c) = net(x)
mine = onnx_lstm([x, order(net.weight_ih_l0)[None], order(net.weight_hh_l0)[None], torch.cat([order(net.bias_ih_l0), order(net.bias_hh_l0)])[None], None, None,
                  None, None], 1)
assert torch.allclose(mine[0][:, 0], y, atol=1e-6) and torch.allclose(mine[2], c, atol=1e-6)

# ---- normalisations
def layer_norm(title, x, axis, bias=True):
    inputs = [r(x) * 2 + 1, r(x[axis:]), r(x[axis:]) if bias else None]
    def fn(i):
        y = F.layer_norm(i[0], x[axis:], i[1], i[2], 1e-5)
        return [y]
    case("LayerNormalization", title, {"axis": axis - len(x)}, inputs, fn)


layer_norm("last axis", (2, 3, 10), 2)
layer_norm("two axes without a bias", (3, 4, 5), 1, False)
case("InstanceNormalization", "image", {"epsilon": 1e-3}, [r(2, 3, 4, 3) * 2 + 1, r(3), r(3)], lambda i: [F.instance_norm(i[0], None, None, i[1], i[2], True, 0.1, 1e-3)])
case("GroupNormalization", "per channel", {"num_groups": 2}, [r(2, 6, 3) * 2 + 1, r(6), r(6)], lambda i: [F.group_norm(i[0], 2, i[1], i[2], 1e-5)])
case("GroupNormalization", "per group", {"num_groups": 3}, [r(2, 6, 3) * 2 + 1, r(3), r(3)],
     lambda i: [F.group_norm(i[0], 3, i[1].repeat_interleave(2), i[2].repeat_interleave(2), 1e-5)])

# ---- activations
for op, attrs, fn in [("Gelu", {}, F.gelu), ("Gelu", {"approximate": "tanh"}, lambda x: F.gelu(x, approximate="tanh")), ("Elu", {"alpha": 0.7}, lambda x: F.elu(x, 0.7)),
                      ("Celu", {"alpha": 1.7}, lambda x: F.celu(x, 1.7)), ("Selu", {}, F.selu), ("Softplus", {}, F.softplus), ("Softsign", {}, F.softsign),
                      ("Mish", {}, F.mish), ("HardSwish", {}, F.hardswish), ("HardSigmoid", {"alpha": 1 / 6}, F.hardsigmoid), ("Erf", {}, torch.erf), ("Abs", {}, torch.abs),
                      ("ThresholdedRelu", {"alpha": 0.5}, lambda x: F.threshold(x, 0.5, 0.0)), ("Sin", {}, torch.sin), ("Cos", {}, torch.cos)]:
    case(op, "against PyTorch's", attrs, [r(3, 5) * 2], lambda i: [fn(i[0])])
case("Sqrt", "against PyTorch's", {}, [torch.rand(7) + 0.1], lambda i: [i[0].sqrt()])
case("PRelu", "a slope per channel", {}, [r(2, 3, 4), r(3, 1)], lambda i: [torch.where(i[0] < 0, i[0] * i[1], i[0])])
for axis in (-1, 1):
    case("Softmax", f"axis {axis}", {"axis": axis}, [r(2, 4, 5) * 3], lambda i: [i[0].softmax(axis)])
    case("LogSoftmax", f"axis {axis}", {"axis": axis}, [r(2, 4, 5) * 3], lambda i: [i[0].log_softmax(axis)])

# ---- broadcasting, reductions
case("Div", "repeated divisor", {}, [r(3, 4), torch.rand(4) + 0.5], lambda i: [i[0] / i[1]])
case("Pow", "cube", {}, [torch.rand(3, 4) + 0.5, torch.tensor(3.0)], lambda i: [i[0] ** i[1]])
case("Pow", "both repeat", {}, [torch.rand(3, 1) + 0.5, r(4)], lambda i: [i[0] ** i[1]])
case("Where", "both repeat", {}, [torch.rand(2, 3) > 0.5, r(3), r(2, 1)], lambda i: [torch.where(i[0], i[1], i[2])])
case("Gather", "rows, one twice", {"axis": 1}, [r(2, 5, 3), torch.tensor([4, 0, 4], dtype=torch.int32)], lambda i: [i[0][:, i[1].long()]])
ints = lambda *n: torch.tensor(n, dtype=torch.int32)
for op, fn in [("ReduceMean", lambda x, d: x.mean(d, True)), ("ReduceSum", lambda x, d: x.sum(d, True)), ("ReduceMax", lambda x, d: x.amax(d, True)),
               ("ReduceMin", lambda x, d: x.amin(d, True)), ("ReduceL1", lambda x, d: x.abs().sum(d, True)), ("ReduceL2", lambda x, d: (x * x).sum(d, True).sqrt()),
               ("ReduceLogSumExp", lambda x, d: x.logsumexp(d, True)), ("ReduceSumSquare", lambda x, d: (x * x).sum(d, True))]:
    case(op, "two axes", {}, [r(2, 3, 4), ints(0, 2)], lambda i: [fn(i[0], (0, 2))])
    case(op, "the last axis", {}, [r(3, 5), ints(-1)], lambda i: [fn(i[0], (-1,))])

def write(name):
    path = pathlib.Path(__file__).parent / name
    path.write_text("\n".join(lines) + "\n")
    print(path, path.stat().st_size, "bytes,", sum(l.startswith("case") for l in lines), "cases")
    del lines[1:]


write("ops.txt")

# ---- ops_nd.txt: any number of dimensions, the ways back, other recurrent cells
torch.manual_seed(2)


def ends(pads):
    """ONNX's begins and ends as F.pad wants them."""
    n = len(pads) // 2
    return [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])]


def conv3d(title, x, w, b, stride=(1, 1, 1), pads=(0,) * 6, dilation=(1, 1, 1), group=1):
    attrs = {"strides": list(stride), "pads": list(pads), "dilations": list(dilation), "group": group}
    case("Conv", title, attrs, [r(x), r(w), r(b) if b else None],
         lambda i: [F.conv3d(F.pad(i[0], ends(pads)), i[1], i[2], stride, 0, dilation, group)])


conv3d("three dimensions", (2, 2, 3, 4, 3), (3, 2, 2, 2, 2), (3,))
conv3d("three dimensions, uneven pads, strides, dilations, groups", (1, 4, 4, 3, 5), (2, 2, 2, 1, 3), None, (2, 1, 1), (1, 0, 0, 0, 1, 2), (1, 2, 1), 2)


def transpose(title, x, w, b, stride, pad, extra, dilation, group=1):
    n = len(x) - 2
    f = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[n]
    attrs = {"strides": list(stride), "pads": list(pad) * 2, "output_padding": list(extra), "dilations": list(dilation), "group": group}
    case("ConvTranspose", title, attrs, [r(x), r(w), r(b) if b else None], lambda i: [f(i[0], i[1], i[2], stride, pad, extra, group, dilation)])


transpose("line", (2, 3, 5), (3, 2, 3), (2,), (2,), (1,), (1,), (1,))
transpose("image", (2, 3, 3, 4), (3, 2, 3, 2), (2,), (2, 1), (1, 0), (1, 0), (1, 2))
transpose("groups", (1, 4, 3, 3), (4, 2, 2, 2), (4,), (2, 2), (0, 0), (0, 0), (1, 1), 2)
transpose("volume", (1, 2, 2, 2, 3), (2, 2, 2, 3, 2), (2,), (2, 1, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1))


def pool3d(op, title, x, kernel, stride, pad, ceil=0, include=0):
    attrs = {"kernel_shape": list(kernel), "strides": list(stride), "pads": list(pad) * 2, "ceil_mode": ceil}
    if op == "MaxPool":
        return case(op, title, attrs, [r(x)], lambda i: [F.max_pool3d(i[0], kernel, stride, pad, 1, bool(ceil))])
    attrs["count_include_pad"] = include
    case(op, title, attrs, [r(x)], lambda i: [F.avg_pool3d(i[0], kernel, stride, pad, bool(ceil), bool(include))])


pool3d("MaxPool", "volume", (2, 2, 4, 3, 5), (2, 2, 3), (2, 1, 2), (1, 0, 1), 1)
pool3d("AveragePool", "volume", (2, 2, 4, 3, 5), (2, 2, 3), (2, 1, 2), (1, 0, 1), 1)
pool3d("AveragePool", "volume, padding counts", (1, 2, 3, 4, 3), (2, 3, 2), (1, 2, 1), (1, 1, 0), 0, 1)
case("GlobalMaxPool", "volume", {}, [r(2, 2, 2, 3, 2)], lambda i: [i[0].amax((2, 3, 4), keepdim=True)])


def resize(title, x, scales, mode, align=False, **extra):
    """PyTorch's linear and cubic take at most four dimensions, nearest the floor of x / scale."""
    place = {"coordinate_transformation_mode": "align_corners" if align else "asymmetric" if mode == "nearest" else "half_pixel"}
    attrs = {"mode": mode, **place, **extra}
    if mode == "nearest":
        attrs["nearest_mode"] = "floor"
    names = {("linear", 1): "linear", ("linear", 2): "bilinear", ("linear", 3): "trilinear", ("cubic", 2): "bicubic", ("nearest", 1): "nearest",
             ("nearest", 2): "nearest"}
    options = {} if mode == "nearest" else {"align_corners": align}
    case("Resize", title, attrs, [r(x), None, torch.tensor([1, 1, *scales], dtype=torch.float32)],
         lambda i: [F.interpolate(i[0], scale_factor=scales, mode=names[mode, len(scales)], recompute_scale_factor=False, **options)], no_grad_in=(2,))


resize("nearest", (2, 2, 3, 4), (2.0, 1.5), "nearest")
resize("linear up", (1, 2, 3, 4), (2.0, 1.5), "linear")
resize("linear down", (1, 2, 5, 7), (0.5, 0.75), "linear")
resize("linear, corners aligned", (1, 2, 3, 4), (3.0, 2.0), "linear", True)
resize("linear, line", (1, 3, 5), (2.5,), "linear")
resize("linear, volume", (1, 1, 2, 3, 2), (2.0, 1.0, 2.0), "linear")
resize("cubic", (1, 2, 4, 5), (2.0, 1.5), "cubic")
resize("cubic, corners aligned", (1, 1, 4, 3), (2.0, 2.0), "cubic", True)
case("Resize", "antialias linear", {"mode": "linear", "antialias": 1, "exclude_outside": 1}, [r(1, 2, 7, 6), None, torch.tensor([1, 1, 3 / 7, 0.5])],
     lambda i: [F.interpolate(i[0], size=(3, 3), mode="bilinear", antialias=True)], no_grad_in=(2,))


# GRU and RNN: PyTorch's own modules, forward, reverse and both ways
def cell(op, title, T, N, I, H, D=1, lens=None, reverse=False, layout=0, state=True, bias=True, relu=False):
    module = nn.GRU(I, H, bidirectional=D == 2, bias=bias) if op == "GRU" else nn.RNN(I, H, bidirectional=D == 2, bias=bias, nonlinearity="relu" if relu else "tanh")
    G = 3 if op == "GRU" else 1
    order = (lambda t: torch.cat([t.split(H)[k] for k in (1, 0, 2)])) if op == "GRU" else lambda t: t  # PyTorch: r z n
    suffix = ["", "_reverse"][:D]
    w, rr = (torch.stack([order(getattr(module, f"weight_{k}_l0{s}")) for s in suffix]).detach() for k in ("ih", "hh"))
    b = torch.stack([torch.cat([order(getattr(module, f"bias_{k}_l0{s}")) for k in ("ih", "hh")]) for s in suffix]).detach() if bias else None
    attrs = {"hidden_size": H, "direction": "bidirectional" if D == 2 else "reverse" if reverse else "forward"}
    if op == "GRU": attrs["linear_before_reset"] = 1
    if layout: attrs["layout"] = layout
    if relu: attrs["activations"] = ["Relu"] * D
    back = (lambda t: torch.cat([t[H:2 * H], t[:H], t[2 * H:]])) if op == "GRU" else lambda t: t
    flip = (lambda x, n: torch.cat([x[:n].flip(0), x[n:]])) if reverse else lambda x, n: x

    def fn(i):
        params = {}
        for d, s in enumerate(suffix):
            params[f"weight_ih_l0{s}"], params[f"weight_hh_l0{s}"] = back(i[1][d]), back(i[2][d])
            if bias:
                params[f"bias_ih_l0{s}"], params[f"bias_hh_l0{s}"] = back(i[3][d][:G * H]), back(i[3][d][G * H:])
        x = i[0].transpose(0, 1) if layout else i[0]
        h0 = torch.zeros(D, N, H) if i[5] is None else i[5].transpose(0, 1) if layout else i[5]
        ys, hs = [], []
        for n in range(N):  # each sequence alone, as long as it is
            L = lens[n] if lens else T
            y, h = torch.nn.utils.stateless.functional_call(module, params, (flip(x[:, n:n + 1], L)[:L], h0[:, n:n + 1].contiguous()))
            ys.append(torch.cat([flip(y, L), torch.zeros(T - L, 1, D * H)])), hs.append(h)
        y, h = torch.cat(ys, 1).reshape(T, N, D, H).transpose(1, 2), torch.cat(hs, 1)
        return [y.permute(2, 0, 1, 3), h.transpose(0, 1)] if layout else [y, h]

    shape = (N, D, H) if layout else (D, N, H)
    inputs = [r((N, T, I) if layout else (T, N, I)), w, rr, b, torch.tensor(lens, dtype=torch.int32) if lens else None, r(shape) if state else None]
    case(op, title, attrs, inputs, fn)


for op in ("GRU", "RNN"):
    cell(op, "forward", 3, 2, 3, 4)
    cell(op, "no bias, no state, batch 1", 4, 1, 2, 3, bias=False, state=False)
    cell(op, "both ways, lengths", 3, 3, 2, 3, D=2, lens=[3, 1, 2])
    cell(op, "reverse, layout 1, lengths", 3, 2, 2, 3, reverse=True, layout=1, lens=[2, 3])
cell("RNN", "Relu", 3, 2, 3, 4, relu=True)


def onnx_gru(i):
    """Reset before the product, which PyTorch does not have: ONNX's formulas."""
    x, w, rr, b, _, h = i
    H, ys, h = rr.shape[2], [], h[0]
    for t in range(x.shape[0]):
        a, wb, rb = x[t] @ w[0].T, *b[0].split(3 * H)
        z, s = (torch.sigmoid(a[:, k:k + H] + h @ rr[0, k:k + H].T + wb[k:k + H] + rb[k:k + H]) for k in (0, H))
        n = torch.tanh(a[:, 2 * H:] + (s * h) @ rr[0, 2 * H:].T + wb[2 * H:] + rb[2 * H:])
        h = (1 - z) * n + z * h
        ys.append(h)
    return [torch.stack(ys)[:, None], h[None]]


case("GRU", "reset before the product", {"hidden_size": 3}, [r(3, 2, 2), r(1, 9, 2) * 0.5, r(1, 9, 3) * 0.5, r(1, 18) * 0.5, None, r(1, 2, 3)], onnx_gru)

# activations with alpha and beta, and those that have none
ACT.update({"Elu": lambda x: F.elu(x, 0.7), "LeakyRelu": lambda x: F.leaky_relu(x, 0.3), "ScaledTanh": lambda x: 1.2 * torch.tanh(0.8 * x),
            "Softsign": F.softsign, "Softplus": F.softplus, "Affine": lambda x: 0.9 * x + 0.1, "ThresholdedRelu": lambda x: F.threshold(x, 0.2, 0)})
for names, alpha, beta in [(["HardSigmoid", "Elu", "ScaledTanh"], [0.2, 0.7, 1.2], [0.5, 0.8]), (["Softsign", "LeakyRelu", "Affine"], [0.3, 0.9], [0.1]),
                           (["Sigmoid", "Softplus", "ThresholdedRelu"], [0.2], [])]:
    inputs = [r(3, 2, 3), r(1, 16, 3) * 0.5, r(1, 16, 4) * 0.5, r(1, 32) * 0.5, None, None, None, None]
    attrs = {"hidden_size": 4, "activations": names, "activation_alpha": [float(a) for a in alpha]}
    if beta: attrs["activation_beta"] = [float(b) for b in beta]
    case("LSTM", "activations " + " ".join(names), attrs, inputs, lambda i: onnx_lstm(i, 1, acts=names))

# moving elements
for mode, torch_mode in [("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular"), ("constant", "constant")]:
    case("Pad", mode, {"mode": mode}, [r(1, 2, 3, 4), torch.tensor([0, 0, 1, 2, 0, 0, 2, 1], dtype=torch.int32)], lambda i: [F.pad(i[0], (2, 1, 1, 2), torch_mode)])
case("DepthToSpace", "PixelShuffle", {"blocksize": 2, "mode": "CRD"}, [r(1, 8, 2, 3)], lambda i: [F.pixel_shuffle(i[0], 2)])
case("SpaceToDepth", "blocks first", {"blocksize": 2}, [r(1, 2, 4, 2)],
     lambda i: [F.pixel_unshuffle(i[0], 2).reshape(1, 2, 4, 2, 1).transpose(1, 2).reshape(1, 8, 2, 1)])
case("GatherElements", "axis 1", {"axis": 1}, [r(2, 3), torch.tensor([[0, 2, 2, -3], [1, 1, 0, 2]], dtype=torch.int32)],
     lambda i: [i[0].gather(1, i[1].long() % 3)])
case("Tile", "two axes", {}, [r(2, 3), torch.tensor([2, 3], dtype=torch.int32)], lambda i: [i[0].tile(2, 3)])
write("ops_nd.txt")

"""PyTorch's side of the training rows, driven by tests/bench/training.mjs: commands on standard input, one answer line each.

  train ID BATCH _ PATH       lenet5 or resnet8_train with the weights in PATH.json and PATH.bin, on Fashion-MNIST, SGD with momentum 0.9, rate 0.05
  step ID N                   N batches; answers their ms
  loss ID                     of the last batch
Run with OMP_NUM_THREADS=1 by the interpreter that has torch (Debian: python3-torch, libopenblas0-pthread).
"""
import gzip, json, pathlib, sys, time
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(1)
DATA = pathlib.Path(sys.argv[1])


def idx(name, offset, shape):
    return np.frombuffer(gzip.open(DATA / name).read(), np.uint8, offset=offset).reshape(shape).copy()


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        conv = lambda i, o, s: nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o))
        self.inner, self.outer = conv(cin, cout, stride), conv(cout, cout, 1)
        self.by = nn.Identity() if stride == 1 else nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        return F.relu(self.outer(F.relu(self.inner(x))) + self.by(x))


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def resnet8_train():
    return nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def take_weights(net, path):
    """Every contestant starts from the same weights: in the order of layers, BatchNormalization's scales are 1."""
    given, flat = json.loads(pathlib.Path(path + ".json").read_text())["weights"], np.fromfile(path + ".bin", np.float32)
    learned = [p for name, p in net.named_parameters() if p.ndim > 1 or name.endswith("bias")]
    assert len(learned) == len(given)
    for p, w in zip(learned, given.values()):
        assert list(p.shape) == w["dims"]
        p.data = torch.tensor(flat[w["at"]:w["at"] + p.numel()].reshape(w["dims"]))


class Trainer:
    def __init__(self, path, batch):
        torch.manual_seed(1)
        self.net, self.batch, self.order = {"lenet5": lenet5, "resnet8_train": resnet8_train}[pathlib.Path(path).name](), batch, iter(())
        take_weights(self.net, path)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9)

    def next_batch(self):
        indices = next(self.order, None)
        if indices is None:
            self.order = iter(torch.randperm(len(x))[:len(x) // self.batch * self.batch].view(-1, self.batch))
            indices = next(self.order)
        return indices

    def step(self, n):
        start = time.perf_counter()
        for _ in range(n):
            indices = self.next_batch()
            self.optimizer.zero_grad(set_to_none=True)
            self.loss = F.cross_entropy(self.net(x[indices]), y[indices])
            self.loss.backward()
            self.optimizer.step()
        return (time.perf_counter() - start) * 1000


def obey(verb, name, *rest):
    if verb == "train":
        trainers[name] = Trainer(rest[2], int(rest[0]))
        return "PyTorch %s, %s" % (torch.__version__, "OpenBLAS" if "openblas" in open("/proc/self/maps").read() else "reference BLAS")
    if verb == "step":
        return trainers[name].step(int(rest[0]))
    return trainers[name].loss.item()


x = torch.tensor(idx("train-images-idx3-ubyte.gz", 16, (-1, 1, 28, 28))).float() / 255
y = torch.tensor(idx("train-labels-idx1-ubyte.gz", 8, -1).astype(np.int64))
trainers = {}
for line in sys.stdin:
    try:
        print("ok", obey(*line.split()), flush=True)
    except Exception as error:
        print("error", repr(error), flush=True)

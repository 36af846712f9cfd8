"""Two networks whose batch (and length) PyTorch 1.13 leaves open: it writes shapes as chains of Shape, Gather, Concat and the like.

Run with the interpreter that has Debian's python3-torch:  /usr/bin/python3 make_open_shapes.py
Writes open_shuffle.onnx (x [batch,1,12,12] -> y [batch,10]) and open_attention.onnx (x [batch,time,16] -> y [batch,4]).
"""
import pathlib

import torch
import torch.nn as nn

HERE = pathlib.Path(__file__).parent


class Shuffle(nn.Module):
    """A convolution with batch normalisation, a channel shuffle, dropout, and a linear layer behind view(x.size(0), -1)."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8 * 36, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        b, c, h, w = x.shape
        x = x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)
        return self.linear(nn.functional.dropout(x.view(x.size(0), -1), training=self.training))


class Attention(nn.Module):
    """One head of self-attention twice, the mean over time, a linear layer."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 4)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        a = torch.softmax(q @ k.transpose(-1, -2) / 8**0.5, -1) @ v
        return self.out(a.transpose(1, 2).reshape(b, t, c).mean(1))


def export(net, x, name, axes):
    """TrainingMode.PRESERVE keeps what eval would fold away: the normalisation."""
    torch.onnx.export(net.eval(), x, HERE / name, input_names=["x"], output_names=["y"], dynamic_axes=axes,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)


def main():
    torch.manual_seed(7)
    shuffle = Shuffle()
    shuffle.norm.running_mean.uniform_(-0.5, 0.5)
    shuffle.norm.running_var.uniform_(0.5, 2)
    export(shuffle, torch.randn(1, 1, 12, 12), "open_shuffle.onnx", {"x": {0: "batch"}, "y": {0: "batch"}})
    export(Attention(), torch.randn(1, 5, 16), "open_attention.onnx", {"x": {0: "batch", 1: "time"}, "y": {0: "batch"}})


if __name__ == "__main__":
    main()

"""One network exported by PyTorch 1.13 at several opsets, so that old forms of operators come from a real exporter.

Run with the interpreter that has Debian's python3-torch:  /usr/bin/python3 make_old_opsets.py
Writes forms_opset<N>.onnx, forms_x.npy (input) and forms_y.npy (PyTorch's output; all opsets give the same).
"""
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent


class Forms(nn.Module):
    """Clip, Pad, Slice, Split, Squeeze, Unsqueeze, ReduceMean, ReduceSum, Softmax over an inner and the last axis, LogSoftmax, LSTM."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.lstm, self.head = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 4)

    def forward(self, x):
        x = F.relu6(self.bn(self.conv(F.pad(x, (1, 0, 0, 1), value=0.5))))
        a, b = torch.split(x, [2, 4], dim=1)
        x = torch.cat([torch.clamp(a[:, :, 1:, :-1], min=0.1), b[:, :, 1:, 1:]], dim=1)
        x = torch.softmax(x, dim=1) * 3 + x.sum(dim=2, keepdim=True)
        x = x.mean(dim=(3,)).transpose(1, 2)
        x, _ = self.lstm(x)
        x = self.head(x.unsqueeze(1).squeeze(1)[:, -1, :])
        return F.log_softmax(torch.softmax(x, dim=-1) + x, dim=1)


def main():
    torch.manual_seed(3)
    net = Forms()
    net.bn.running_mean.uniform_(-0.5, 0.5)
    net.bn.running_var.uniform_(0.5, 2)
    net.eval()
    x = torch.randn(2, 2, 6, 6)
    with torch.no_grad():
        np.save(HERE / "forms_y.npy", net(x).numpy())
    np.save(HERE / "forms_x.npy", x.numpy())
    for opset in (9, 11, 12, 13, 17):
        torch.onnx.export(net, x, str(HERE / f"forms_opset{opset}.onnx"), opset_version=opset, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})


main()

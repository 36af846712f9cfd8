#!/usr/bin/env python3
"""Writes ordinary networks as ONNX, as PyTorch 1.13 exports them (opset 13, open batch), with random weights from
one seed, for tests/models/run.mjs: export.py FOLDER [NAME ...]. Files that are there stay. Needs torch and torchvision.
"""
import sys
from pathlib import Path

import torch
import torchvision
from torch import nn

FAMILIES = [
    "alexnet", "vgg11", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "densenet121",
    "shufflenet_v2_x1_0", "efficientnet_b0", "regnet_x_400mf", "mnasnet1_0", "googlenet",
]


class Encoder(nn.Module):
    """Two Transformer encoder layers over 32 vectors, and a classifier."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, activation="gelu", dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class ViT(nn.Module):
    """A small vision Transformer: patches of 8 x 8, class token, learned positions."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 64) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 17, 64) * 0.02)
        layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, norm_first=True, activation="gelu", dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(64)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.encoder(x))[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.cells = kind(28, 32, batch_first=True, **options)
        self.head = nn.Linear(32 * (2 if options.get("bidirectional") else 1), 10)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


SMALL = {
    "transformer_encoder": (Encoder, (32, 64)),
    "vit": (ViT, (3, 32, 32)),
    "gru": (lambda: Recurrent(nn.GRU, num_layers=2), (28, 28)),
    "bilstm": (lambda: Recurrent(nn.LSTM, bidirectional=True), (28, 28)),
}


def make(name):
    torch.manual_seed(1)
    if name in SMALL:
        build, shape = SMALL[name]
        model = build()
        for parameter in model.parameters():  # copies of one layer start equal, and the exporter would store them once
            nn.init.normal_(parameter, std=0.15) if parameter.dim() > 1 else nn.init.normal_(parameter, mean=0.5, std=0.2)
        return model.eval(), shape
    options = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(weights=None, **options)
    # Statistics of real activations: as they come from the constructor, deep networks fade to nothing.
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model(torch.rand(4, 3, 224, 224))
    return model.eval(), (3, 224, 224)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or FAMILIES + list(SMALL):
        path = folder / f"{name}.onnx"
        if path.exists():
            continue
        model, shape = make(name)
        axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
        torch.onnx.export(model, torch.rand(2, *shape), path, opset_version=13, input_names=["input"],
                          output_names=["logits"], dynamic_axes=axes, do_constant_folding=True)


if len(sys.argv) == 2 and sys.argv[1] == "--list":
    print("\n".join(FAMILIES + list(SMALL)))
else:
    main()

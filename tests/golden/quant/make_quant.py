"""Quantized tensors from PyTorch and from ONNX's formula, which round differently: torch multiplies by 1 / scale, ONNX divides.

Run with the interpreter that has Debian's python3-torch:  /usr/bin/python3 make_quant.py
Made with PyTorch 1.13.0 and NumPy 1.24. x.npy [6, 64] holds random values, many halves of each scale, and values far outside.
cases.txt: name, dtype, axis (-1: per tensor). For each, NAME_{scale,zero,torch,dequantized,onnx}.npy.
ONNX (QuantizeLinear, opset 13): y = saturate(rint(x / scale) + zero), all in f32 up to the sum; s32 by the same formula.
"""
import pathlib
import numpy as np, torch

HERE = pathlib.Path(__file__).parent
TORCH = {"u8": torch.quint8, "s8": torch.qint8, "s32": torch.qint32}
LIMITS = {"u8": (0, 255, np.uint8), "s8": (-128, 127, np.int8), "s32": (-(2**31), 2**31 - 1, np.int32)}
rng = np.random.default_rng(7)

x = rng.normal(0, 3, (6, 64)).astype(np.float32)
for row, scale in enumerate([0.1, 0.3, 1.0, 0.05, 0.7]):
    x[row, ::2] = (np.arange(-16, 16) + 0.5).astype(np.float32) * np.float32(scale)
x[5, :8] = [1e9, -1e9, 3e38, -3e38, 0.0, -0.0, 1e-30, 255.5]
np.save(HERE / "x.npy", x)


def onnx(x, scale, zero, dtype, axis):
    low, high, kind = LIMITS[dtype]
    shape = [1, 1] if axis < 0 else [-1 if i == axis else 1 for i in range(2)]
    steps = np.rint(x / scale.reshape(shape)).astype(np.float64) + zero.reshape(shape)
    return np.clip(steps, low, high).astype(kind)


lines = []
for dtype in ("u8", "s8", "s32"):
    for axis in (-1, 0, 1):
        for scale in (0.1, 0.3, 0.05) if axis < 0 else (0.1,):
            n = 1 if axis < 0 else x.shape[axis]
            zeros = {"u8": rng.integers(0, 256, n), "s8": rng.integers(-128, 128, n), "s32": np.zeros(n, int)}[dtype]
            scales = np.full(n, scale, np.float32) if axis < 0 else rng.choice([0.1, 0.3, 1.0, 0.05, 0.7], n).astype(np.float32)
            if axis < 0:
                q = torch.quantize_per_tensor(torch.tensor(x), float(scales[0]), int(zeros[0]), TORCH[dtype])
            else:
                q = torch.quantize_per_channel(torch.tensor(x), torch.tensor(scales), torch.tensor(zeros), axis, TORCH[dtype])
            name = f"{dtype}_{'tensor' if axis < 0 else f'axis{axis}'}_{len(lines)}"
            for what, data in (("scale", scales), ("zero", zeros.astype(np.int32)), ("torch", q.int_repr().numpy()),
                               ("dequantized", q.dequantize().numpy()), ("onnx", onnx(x, scales, zeros, dtype, axis))):
                np.save(HERE / f"{name}_{what}.npy", data)
            lines.append(f"{name} {dtype} {axis}\n")
(HERE / "cases.txt").write_text("".join(lines))

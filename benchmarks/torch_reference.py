"""The ResNet models and VGG-19 in plain PyTorch, to hold the Keras ones against: same numbers, and whose step is faster.

Written from the paper, He et al. 2016 and Simonyan and Zisserman 2015, independently of `tfrepr.models`. PyTorch is optional
(the extra `bench`).
"""

from __future__ import annotations

import keras
import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm, and a projection shortcut where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Encoder(nn.Module):
    """ResNet with three stages; 64 features."""

    def __init__(self, blocks_per_stage: int = 5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        inputs = 16
        for stage, outputs in enumerate((16, 32, 64)):
            for block in range(blocks_per_stage):
                layers.append(Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).mean(dim=(2, 3))


class VGG19(nn.Module):
    """Configuration E with batch norm between convolution and ReLU; 512 features."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs, convolutions in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).mean(dim=(2, 3))


class Decoder(nn.Module):
    """The label decoder of the paper's Table 5 with the authors' neck, for 64x64 labels."""

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.neck = nn.Sequential(nn.BatchNorm1d(features), nn.LeakyReLU(0.01), nn.Linear(features, 64))
        layers: list[nn.Module] = [nn.ConvTranspose2d(64, 64, 4, 1, 0)]
        for inputs, outputs in ((64, 32), (32, 16), (16, 8), (8, 1)):
            layers += [nn.BatchNorm2d(inputs), nn.LeakyReLU(0.01), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)]
        self.decoder = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.neck(x)[:, :, None, None])[:, 0]


def torch_model(label: str, classes: int = 10, blocks_per_stage: int = 5, vgg: bool = False) -> nn.Module:
    """Encoder and head for `label` `"category"`, or the label decoder for any other."""
    encoder, features = (VGG19(), 512) if vgg else (Encoder(blocks_per_stage), 64)
    return nn.Sequential(encoder, nn.Linear(features, classes) if label == "category" else Decoder(features))


def copy_weights(model: keras.Model, reference: nn.Module) -> None:
    """Carries the weights of a Keras model over; the layers of both stand in the order in which they are applied.

    Keras keeps a block's shortcut behind its two convolutions, as `Block` does.
    """
    own = [layer for layer in _in_order(model) if layer.weights]
    theirs = [module for module in reference.modules() if not list(module.children()) and list(module.parameters())]
    assert len(own) == len(theirs), (len(own), len(theirs))
    for layer, module in zip(own, theirs, strict=True):
        arrays = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            targets = [module.weight, module.bias, module.running_mean, module.running_var]
        else:
            arrays[0] = _torch_kernel(arrays[0])
            targets = [module.weight, module.bias][:len(arrays)]
        with torch.no_grad():
            for target, array in zip(targets, arrays, strict=True):
                target.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def torch_gradients(model: keras.Model, reference: nn.Module) -> list[np.ndarray]:
    """Gradients of the reference in the shapes and order of the Keras model's trainable variables."""
    layers = [layer for layer in _in_order(model) if layer.weights]
    modules = [module for module in reference.modules() if not list(module.children()) and list(module.parameters())]
    by_variable = {}
    for layer, module in zip(layers, modules, strict=True):
        for variable, parameter in zip(layer.trainable_variables, module.parameters(), strict=True):
            gradient = parameter.grad.numpy()
            by_variable[variable.path] = _keras_kernel(gradient) if len(variable.shape) > 1 else gradient
    return [by_variable[variable.path] for variable in model.trainable_variables]


def torch_statistics(model: keras.Model, reference: nn.Module) -> list[np.ndarray]:
    """Moving means and variances of the reference in the order of the Keras model's non-trainable variables."""
    by_variable = {}
    norms = [layer for layer in _in_order(model) if isinstance(layer, keras.layers.BatchNormalization)]
    modules = [module for module in reference.modules() if hasattr(module, "running_var")]
    for layer, module in zip(norms, modules, strict=True):
        by_variable |= {layer.moving_mean.path: module.running_mean, layer.moving_variance.path: module.running_var}
    return [by_variable[variable.path].numpy() for variable in model.non_trainable_variables]


def _in_order(model: keras.Model) -> list[keras.layers.Layer]:
    """Layers in PyTorch's order: the two convolutions of a block, then its shortcut."""
    def key(pair: tuple[int, keras.layers.Layer]) -> tuple[str, int, int]:
        index, layer = pair
        block = layer.name.split("_shortcut")[0].rsplit("_", 2)[0] if "_block" in layer.name else ""
        in_block = [i for i, other in enumerate(model.layers) if block and other.name.startswith(block + "_")]
        return min(in_block, default=index), "_shortcut" in layer.name, index
    return [layer for _, layer in sorted(enumerate(model.layers), key=key)]


def _torch_kernel(kernel: np.ndarray) -> np.ndarray:
    """(h, w, in, out) or transposed (h, w, out, in) to PyTorch's (out, in, h, w) or (in, out, h, w)."""
    return kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)


def _keras_kernel(kernel: np.ndarray) -> np.ndarray:
    return kernel.T if kernel.ndim == 2 else kernel.transpose(2, 3, 1, 0)

"""Networks of Keras as the same networks of PyTorch, layer by layer, to compare their speed."""

from collections.abc import Callable

import keras
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda x: x,
    "relu": F.relu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x.float(), dim=1),
}


class Translated(nn.Module):
    """A Keras model, functional or sequential, with its weights; takes and returns (N, C, H, W).

    Args:
        model: A built model with one input and one output. Its convolutions have their channels last.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        if isinstance(model, keras.Sequential):
            model = model._functional
        self.source = id(model.inputs[0])
        self.result = id(model.outputs[0])
        self.steps = []
        modules: dict[int, nn.Module] = {}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                if id(node.operation) not in modules:
                    modules[id(node.operation)] = translated(node.operation)
                module = modules[id(node.operation)]
                inputs = [id(tensor) for tensor in node.arguments.keras_tensors]
                self.steps.append((module, inputs, id(node.outputs[0])))
        self.parts = nn.ModuleList(modules.values())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {self.source: x}
        for module, inputs, output in self.steps:
            values[output] = module(*(values[one] for one in inputs))
        return values[self.result]


class _Function(nn.Module):
    """A layer without weights."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(*inputs)


class _Convolution(nn.Module):
    """A convolution with Keras' padding and activation."""

    def __init__(self, layer: keras.Layer, kernel: np.ndarray, bias: np.ndarray | None, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(kernel))
        self.bias = None if bias is None else nn.Parameter(torch.tensor(bias))
        self.groups, self.strides = groups, tuple(layer.strides)
        self.dilation, self.same = tuple(layer.dilation_rate), layer.padding == "same"
        self.activation = ACTIVATIONS[layer.activation.__name__]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding = (0, 0)
        if self.same:
            sizes = [(k - 1) * d + 1 for k, d in zip(self.weight.shape[2:], self.dilation, strict=True)]
            x, padding = _padded(x, sizes, self.strides)
        x = F.conv2d(x, self.weight, self.bias, self.strides, padding, self.dilation, self.groups)
        return self.activation(x)


class _Separable(nn.Module):
    """A depthwise convolution followed by a pointwise one."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        depthwise, pointwise, *bias = (np.asarray(weight) for weight in layer.weights)
        self.depthwise = _depthwise(layer, depthwise)
        self.depthwise.activation = ACTIVATIONS["linear"]
        self.pointwise = _Convolution(
            layer, pointwise.transpose(3, 2, 0, 1).copy(), bias[0] if bias else None, 1
        )
        self.pointwise.strides, self.pointwise.dilation = (1, 1), (1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(x))


class _Dense(nn.Module):
    """A dense layer with its activation."""

    def __init__(self, layer: keras.Layer) -> None:
        super().__init__()
        kernel, *bias = (np.asarray(weight) for weight in layer.weights)
        self.weight = nn.Parameter(torch.tensor(kernel.T.copy()))
        self.bias = nn.Parameter(torch.tensor(bias[0])) if bias else None
        self.activation = ACTIVATIONS[layer.activation.__name__]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(F.linear(x, self.weight, self.bias))


def _padded(
    x: torch.Tensor, sizes: list[int], strides: tuple[int, int], value: float = 0.0
) -> tuple[torch.Tensor, tuple[int, int]]:
    """Pads as "same" in Keras: returns the images and what is left for PyTorch to pad on both sides."""
    pads = []
    for length, size, stride in zip(x.shape[2:], sizes, strides, strict=True):
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        pads.append((total // 2, total - total // 2))
    if value == 0 and all(before == after for before, after in pads):
        return x, (pads[0][0], pads[1][0])
    return F.pad(x, (*pads[1], *pads[0]), value=value), (0, 0)


def _depthwise(layer: keras.Layer, kernel: np.ndarray, bias: np.ndarray | None = None) -> _Convolution:
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return _Convolution(layer, kernel.copy(), bias, channels)


def _batch_normalization(layer: keras.Layer) -> nn.Module:
    module = nn.BatchNorm2d(layer.moving_mean.shape[0], eps=layer.epsilon, momentum=1 - layer.momentum)
    values = {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    values |= {"weight": layer.gamma, "bias": layer.beta}
    with torch.no_grad():
        for name, variable in values.items():
            if variable is not None:
                getattr(module, name).copy_(torch.tensor(np.asarray(variable)))
    return module


def _pooling(layer: keras.Layer) -> nn.Module:
    size, strides, same = tuple(layer.pool_size), tuple(layer.strides), layer.padding == "same"
    if isinstance(layer, keras.layers.MaxPooling2D):

        def pool(x: torch.Tensor) -> torch.Tensor:
            if same:
                x, _ = _padded(x, list(size), strides, value=float("-inf"))
            return F.max_pool2d(x, size, strides)
    else:

        def pool(x: torch.Tensor) -> torch.Tensor:
            padding = _padded(x, list(size), strides)[1] if same else 0
            return F.avg_pool2d(x, size, strides, padding, count_include_pad=False)

    return _Function(pool)


def _global_pooling(layer: keras.Layer) -> nn.Module:
    return _Function(lambda x: x.mean(dim=(2, 3), keepdim=layer.keepdims))


def _zero_padding(layer: keras.Layer) -> nn.Module:
    rows, columns = layer.padding
    return nn.ZeroPad2d((*columns, *rows))


def _convolution(layer: keras.Layer) -> nn.Module:
    kernel, *bias = (np.asarray(weight) for weight in layer.weights)
    return _Convolution(layer, kernel.transpose(3, 2, 0, 1).copy(), bias[0] if bias else None, layer.groups)


def _rescaling(layer: keras.Layer) -> nn.Module:
    shape = (1, -1, 1, 1)
    module = nn.Module()
    module.register_buffer("scale", torch.tensor(np.asarray(layer.scale, np.float32).reshape(shape)))
    module.register_buffer("offset", torch.tensor(np.asarray(layer.offset, np.float32).reshape(shape)))
    module.forward = lambda x: x * module.scale + module.offset
    return module


def _product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x * y


# Keras' layer -> function that makes PyTorch's module.
LAYERS: dict[str, Callable[[keras.Layer], nn.Module]] = {
    "Conv2D": _convolution,
    "GroupedConv2D": _convolution,
    "DepthwiseConv2D": lambda layer: _depthwise(layer, *(np.asarray(weight) for weight in layer.weights)),
    "SeparableConv2D": _Separable,
    "Dense": _Dense,
    "BatchNormalization": _batch_normalization,
    "MaxPooling2D": _pooling,
    "AveragePooling2D": _pooling,
    "GlobalAveragePooling2D": _global_pooling,
    "ZeroPadding2D": _zero_padding,
    "Rescaling": _rescaling,
    # The order of the channels, from RGB to BGR.
    "Flip": lambda layer: _Function(lambda x: x.flip(1)),
    "Dropout": lambda layer: nn.Dropout(layer.rate),
    # The rows of the next kernel are in the order of pixels, then channels.
    "Flatten": lambda layer: _Function(lambda x: x.permute(0, 2, 3, 1).flatten(1)),
    "Activation": lambda layer: _Function(ACTIVATIONS[layer.activation.__name__]),
    "ReLU": lambda layer: nn.ReLU(),
    "Softmax": lambda layer: _Function(ACTIVATIONS["softmax"]),
    "Add": lambda layer: _Function(torch.add),
    "Multiply": lambda layer: _Function(_product),
    "Concatenate": lambda layer: _Function(lambda *parts: torch.cat(parts, dim=1)),
}


def translated(layer: keras.Layer) -> nn.Module:
    """Returns PyTorch's module for a layer or a model.

    Raises:
        NotImplementedError: The layer has no counterpart here.
    """
    if isinstance(layer, keras.Model):
        return Translated(layer)
    try:
        make = LAYERS[type(layer).__name__]
    except KeyError:
        raise NotImplementedError(f"{type(layer).__name__} isn't among {', '.join(LAYERS)}.") from None
    return make(layer)

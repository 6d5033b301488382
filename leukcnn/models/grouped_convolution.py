"""A grouped convolution that trains on a processor.

It is registered with Keras: importing this module is enough for `keras.models.load_model` to know it.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

# Channels that are convolved at once. Fewer take longer to compile, more to run: RegNetY-400MF has
# 531 groups, which 64 channels at a time turn into 73 convolutions.
_CHANNELS_AT_ONCE = 64


@keras.saving.register_keras_serializable("leukcnn")
class GroupedConv2D(layers.Conv2D):
    """Keras' `Conv2D` with `groups`, computed otherwise: same arguments, weights and outputs.

    The gradient of a grouped convolution in one piece takes TensorFlow and JAX seconds on a processor. Here
    neighbouring groups are convolved together by an ordinary convolution, whose kernel is zero between one
    group and another, which is many times as fast there. Channels come last.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Returns the maps (N, rows, columns, filters) before bias and activation.

        Args:
            inputs: Maps (N, rows, columns, channels).
            kernel: Kernel (height, width, channels of a group, filters).
        """
        kernel = ops.convert_to_tensor(kernel)
        channels, filters = kernel.shape[2], kernel.shape[3] // self.groups
        step = max(1, _CHANNELS_AT_ONCE // channels)
        parts = []
        for first in range(0, self.groups, step):
            last = min(first + step, self.groups)
            part = _ungrouped(kernel[..., first * filters : last * filters], groups=last - first)
            maps = inputs[..., first * channels : last * channels]
            parts.append(super().convolution_op(maps, part))
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)


def _ungrouped(kernel: Any, *, groups: int) -> Any:
    """Spreads a grouped kernel to (height, width, all channels, filters), zero between the groups."""
    height, width, channels, filters = kernel.shape
    own = np.eye(groups).reshape((1, 1, groups, 1, groups, 1))
    blocks = ops.reshape(kernel, (height, width, 1, channels, groups, filters // groups))
    return ops.reshape(blocks * ops.cast(own, kernel.dtype), (height, width, groups * channels, filters))

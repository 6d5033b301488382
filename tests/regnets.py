"""RegNets without leukcnn, to compare its networks and converted weights with.

It has the parameter counts printed in the authors' model zoo, a count for a table of stages, and the networks
in NumPy, with weights named and stored as in the authors' PyTorch code (pycls).
"""

import numpy as np

# RegNetX-200MF and RegNetY-200MF: blocks and channels of each stage, channels of a group (the paper's Figures
# 16 and 17).
STAGES_200MF = ((1, 24), (1, 56), (4, 152), (7, 368))
GROUP_WIDTH_200MF = 8

# Parameters at 1000 classes, in millions, as MODEL_ZOO.md of facebookresearch/pycls prints them.
PRINTED = {
    **{"RegNetX-200MF": "2.7", "RegNetX-400MF": "5.2", "RegNetX-600MF": "6.2", "RegNetX-800MF": "7.3"},
    **{"RegNetX-1.6GF": "9.2", "RegNetX-3.2GF": "15.3", "RegNetX-4.0GF": "22.1", "RegNetX-6.4GF": "26.2"},
    **{"RegNetX-8.0GF": "39.6", "RegNetX-12GF": "46.1", "RegNetX-16GF": "54.3", "RegNetX-32GF": "107.8"},
    **{"RegNetY-200MF": "3.2", "RegNetY-400MF": "4.3", "RegNetY-600MF": "6.1", "RegNetY-800MF": "6.3"},
    **{"RegNetY-1.6GF": "11.2", "RegNetY-3.2GF": "19.4", "RegNetY-4.0GF": "20.6", "RegNetY-6.4GF": "30.6"},
    **{"RegNetY-8.0GF": "39.2", "RegNetY-12GF": "51.8", "RegNetY-16GF": "83.6", "RegNetY-32GF": "145.0"},
}


def parameters(stages, *, group_width, squeezes, classes=1000):
    """Returns the number of trainable parameters of stem, blocks (the paper's Figure 4) and classifier."""
    count, before = 9 * 3 * 32 + 2 * 32, 32
    for depth, width in stages:
        for block in range(depth):
            if block == 0:
                count += before * width + 2 * width
            count += before * width + 9 * min(group_width, width) * width + width * width + 6 * width
            if squeezes:
                count += 2 * width * round(before / 4) + round(before / 4) + width
            before = width
    return count + (before + 1) * classes


def random_state(stages=STAGES_200MF, *, group_width=GROUP_WIDTH_200MF, squeezes, classes=1000, seed=0):
    """Returns a float32 state dict, with kernels that keep the scale of the maps and random statistics."""
    rng = np.random.default_rng(seed)
    state = {}

    def conv(name, filters, channels, size, bias=False):
        scale = np.sqrt(2 / (channels * size**2))
        state[f"{name}.weight"] = rng.normal(0, scale, (filters, channels, size, size))
        if bias:
            state[f"{name}.bias"] = rng.normal(0, 0.5, filters)

    def bn(name, channels):
        state[f"{name}.weight"] = rng.uniform(0.5, 1.2, channels)
        state[f"{name}.bias"] = rng.normal(0, 0.2, channels)
        state[f"{name}.running_mean"] = rng.normal(0, 0.2, channels)
        state[f"{name}.running_var"] = rng.uniform(0.5, 2, channels)
        state[f"{name}.num_batches_tracked"] = np.array(7)

    conv("stem.conv", 32, 3, 3)
    bn("stem.bn", 32)
    before = 32
    for i, (depth, width) in enumerate(stages, start=1):
        for j in range(1, depth + 1):
            block = f"s{i}.b{j}"
            if j == 1:
                conv(f"{block}.proj", width, before, 1)
                bn(f"{block}.bn", width)
            conv(f"{block}.f.a", width, before, 1)
            bn(f"{block}.f.a_bn", width)
            conv(f"{block}.f.b", width, min(group_width, width), 3)
            bn(f"{block}.f.b_bn", width)
            if squeezes:
                conv(f"{block}.f.se.f_ex.0", before // 4, width, 1, bias=True)
                conv(f"{block}.f.se.f_ex.2", width, before // 4, 1, bias=True)
            conv(f"{block}.f.c", width, width, 1)
            bn(f"{block}.f.c_bn", width)
            before = width
    state["head.fc.weight"] = rng.normal(0, np.sqrt(1 / before), (classes, before))
    state["head.fc.bias"] = rng.normal(0, 0.5, classes)
    return {
        name: array if name.endswith("tracked") else array.astype(np.float32) for name, array in state.items()
    }


def convolution(x, kernel, *, strides=1):
    """Convolves maps (N, rows, columns, channels) with a kernel (filters, channels of a group, k, k).

    Every edge is padded with k // 2 zeros. Groups are convolved separately.
    """
    filters, channels, size, _ = kernel.shape
    groups = x.shape[3] // channels
    own = filters // groups
    x = np.pad(x, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    return np.concatenate(
        [
            np.einsum(
                "nrckij,fkij->nrcf",
                windows[:, :, :, g * channels : (g + 1) * channels],
                kernel[g * own : (g + 1) * own],
                optimize=True,
            )
            for g in range(groups)
        ],
        axis=-1,
    )


def block_output(state, block, x, *, strides):
    """Returns the output of a residual block for maps (N, rows, columns, channels)."""

    def normalised(maps, name):
        weight, bias, mean, variance = (
            state[f"{name}.{field}"] for field in ("weight", "bias", "running_mean", "running_var")
        )
        return (maps - mean) / np.sqrt(variance + 1e-5) * weight + bias

    def relu(maps):
        return np.maximum(maps, 0)

    inner = f"{block}.f"
    y = relu(normalised(convolution(x, state[f"{inner}.a.weight"]), f"{inner}.a_bn"))
    y = relu(normalised(convolution(y, state[f"{inner}.b.weight"], strides=strides), f"{inner}.b_bn"))
    if f"{inner}.se.f_ex.0.weight" in state:
        first, second = (
            (state[f"{inner}.se.f_ex.{i}.weight"][:, :, 0, 0], state[f"{inner}.se.f_ex.{i}.bias"])
            for i in (0, 2)
        )
        squeezed = relu(y.mean(axis=(1, 2)) @ first[0].T + first[1])
        gate = 1 / (1 + np.exp(-(squeezed @ second[0].T + second[1])))
        y = y * gate[:, None, None, :]
    y = normalised(convolution(y, state[f"{inner}.c.weight"]), f"{inner}.c_bn")
    if f"{block}.proj.weight" in state:
        x = normalised(convolution(x, state[f"{block}.proj.weight"], strides=strides), f"{block}.bn")
    return relu(x + y)


def maps_of(state, images):
    """Returns the last maps for images (N, height, width, 3) with the channels blue, green, red."""
    x = convolution(images, state["stem.conv.weight"], strides=2)
    scale = state["stem.bn.weight"] / np.sqrt(state["stem.bn.running_var"] + 1e-5)
    x = np.maximum((x - state["stem.bn.running_mean"]) * scale + state["stem.bn.bias"], 0)
    blocks = dict.fromkeys(".".join(name.split(".")[:2]) for name in state if name.startswith("s"))
    for block in (name for name in blocks if not name.startswith("stem")):
        x = block_output(state, block, x, strides=2 if block.endswith(".b1") else 1)
    return x


def probabilities_of(state, images):
    """Returns the softmax over the classes (N, classes)."""
    logits = maps_of(state, images).mean(axis=(1, 2)) @ state["head.fc.weight"].T + state["head.fc.bias"]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)

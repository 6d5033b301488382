"""Measures training on a GPU: `KERAS_BACKEND=jax python tests/benchmarks/gpu.py --limit 540 --out DIR`.

For each network of the papers, on the same card and in the same call, with PyTorch in its own process:

- the training step in bfloat16 on batches that are on the card, at the paper's batch size and at the best one
  (doubled until the memory is full or the rate grows by less than 3 %), in images/s and as a fraction of the
  card's dense bfloat16 peak. The operations are counted by JAX in the step before it is compiled
  (`Lowered.cost_analysis`), and PyTorch's step is taken to need as many.
- `fit` with images in memory and the paper's augmentation, on the host (`--augment host`) and on the device
  (`--augment device`), at the paper's batch size.
- the same network in PyTorch, translated layer by layer with the same weights (its outputs are compared
  first): the step alone, in channels-last order with autocast, and fed by a DataLoader with workers, a
  Dataset of the same augmentation and ToTensor's float32.

Each network and framework gets an equal part of --limit seconds; give each at least 50, by several calls
with some of the networks (`--networks`) where a call is limited. `gpu.json` in --out (default: $OUT) is
written after each. `--quick` does all of it within minutes on a CPU, with few images. It needs PyTorch and
JAX, and no TensorFlow.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
# The networks in PyTorch are those of the tests.
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

# Network -> paper, its row.
NETWORKS = {
    "AlertNet": ("alertnet", "alertnet"),
    "CNMCVGG16": ("cnmc2019", "vgg16"),
    "CNMCXception": ("cnmc2019", "xception"),
    "LeukNet": ("leuknet_lodocv", "leuknet"),
    "InceptionV3": ("leuknet_lodocv", "inceptionv3_dft"),
    "TaleghaniResNet50": ("taleghani_resnet50", "resnet50"),
    "RegNetY-400MF": ("allidb_lightweight", "regnet"),
    "LightweightCNN": ("allidb_lightweight", "lightweight"),
}
# Dense bfloat16 operations/s of the tensor cores, from NVIDIA's H100 and H200 data sheets (SXM; those with
# sparsity are twice these).
PEAKS = {"H100": 989e12, "H200": 989e12}
CLASSES = {"alertnet": 3, "taleghani_resnet50": 4}
GAIN = 1.03
FITTED_BATCHES, QUICK_BATCHES = 40, 2
# Of the seconds of a part, what the step alone may take.
STEP_SHARE = 0.5


def setup_of(name: str, quick: bool) -> tuple[Any, int]:
    """Returns a network's setup, with random weights and in bfloat16, and its number of classes."""
    from leukcnn import papers
    from leukcnn.fields import replace_at

    paper, row = NETWORKS[name]
    setup = papers.get(paper).setup(row)
    if "weights" in setup.model.arguments:
        setup = replace_at(setup, "model.arguments", {**setup.model.arguments, "weights": None})
    if quick:
        setup = replace(setup, training=replace(setup.training, batch_size=2))
    training = replace(setup.training, precision="float32" if quick else "mixed_bfloat16")
    return replace(setup, training=training), CLASSES.get(paper, 2)


def random_images(count: int, image_size: int) -> np.ndarray:
    """Returns images without content, uint8 (N, height, width, 3)."""
    return np.random.default_rng(0).integers(0, 256, (count, image_size, image_size, 3), dtype=np.uint8)


def rate_of(step: Callable[[], object], wait: Callable[[], object], batch_size: int, seconds: float) -> float:
    """Returns images/s: the median of five rounds that take some seconds together, after a warm-up."""
    step()
    wait()
    started = time.perf_counter()
    step()
    wait()
    count = max(1, int(seconds / 5 / (time.perf_counter() - started)))
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(count):
            step()
        wait()
        rates.append(count * batch_size / (time.perf_counter() - started))
    return float(np.median(rates))


def rates_by_batch(
    measure: Callable[[int], dict[str, float]], first: int, deadline: float, quick: bool
) -> Any:
    """Measures the paper's batch size and its doubles, until the memory, the time or the gain ends."""
    results: dict[int, dict[str, float]] = {}
    batch_size, ended = first, "the rate"
    while not results or results[batch_size // 2]["images_per_second"] > 0:
        try:
            results[batch_size] = measure(batch_size)
        except Exception as error:  # JAX and PyTorch have their own errors for a full memory.
            if not any(sign in str(error) for sign in ("RESOURCE_EXHAUSTED", "out of memory", "OutOfMemory")):
                raise
            ended = "the memory"
            break
        before = results.get(batch_size // 2, {"images_per_second": 0.0})["images_per_second"]
        if results[batch_size]["images_per_second"] < GAIN * before or (quick and len(results) > 1):
            break
        if time.perf_counter() > deadline:
            ended = "the time"
            break
        batch_size *= 2
    return {"ended_by": ended, "batches": results}


def keras_step(name: str, quick: bool, deadline: float) -> Any:
    """Measures the compiled training step on images that are on the card."""
    import jax

    from leukcnn.distribution import find_devices
    from leukcnn.training import build_network

    setup, classes = setup_of(name, quick)
    built = build_network(
        setup.model,
        preprocessing=setup.preprocessing,
        classes=classes,
        training=setup.training,
        seed=0,
        devices=find_devices(),
    )
    learner = built.learner
    learner.optimizer.build(learner.trainable_variables)

    def loss_of(trained: Any, other: Any, images: Any, targets: Any) -> Any:
        outputs, other, losses = learner.stateless_call(
            trained, other, images, training=True, return_losses=True
        )
        return learner.optimizer.scale_loss(
            learner.compute_loss(y=targets, y_pred=outputs) + sum(losses)
        ), other

    def step(trained: Any, other: Any, state: Any, images: Any, targets: Any) -> Any:
        gradients, other = jax.grad(loss_of, has_aux=True)(trained, other, images, targets)
        trained, state = learner.optimizer.stateless_apply(state, gradients, trained)
        return trained, other, state

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))

    def measure(batch_size: int) -> dict[str, float]:
        images = jax.device_put(random_images(batch_size, setup.preprocessing.image_size))
        width = learner.output_shape[-1]
        targets = jax.device_put(
            np.eye(max(width, 2), dtype=np.float32)[np.arange(batch_size) % 2][:, -width:]
        )
        values = [
            [jax.numpy.array(one.value) for one in variables]
            for variables in (
                learner.trainable_variables,
                learner.non_trainable_variables,
                learner.optimizer.variables,
            )
        ]
        cost = compiled.lower(*values, images, targets).cost_analysis()

        def run() -> None:
            values[:] = compiled(*values, images, targets)

        rate = rate_of(run, lambda: jax.block_until_ready(values), batch_size, 0.1 if quick else 4)
        flops = float((cost or {}).get("flops", 0)) / batch_size
        return {"images_per_second": rate, "flops_per_image": flops}

    found = rates_by_batch(measure, setup.training.batch_size, deadline, quick)
    return {"device": jax.devices()[0].device_kind, **found}


def keras_fit(name: str, quick: bool, place: str) -> dict[str, float]:
    """Measures `fit`, which is fed with the paper's augmentation on the host or on the device."""
    import keras

    from leukcnn.augmentation import ImageAugmenter
    from leukcnn.augmentation.on_device import OnDevice
    from leukcnn.distribution import as_fed, find_devices
    from leukcnn.pipeline import ImageSequence, multiplied
    from leukcnn.training import build_network

    setup, classes = setup_of(name, quick)
    batch_size, size = setup.training.batch_size, setup.preprocessing.image_size
    count = batch_size * (QUICK_BATCHES if quick else FITTED_BATCHES)
    augmenter = ImageAugmenter(**(setup.augmentation.arguments or augmentation_of_the_others()))
    on_device = OnDevice(augmenter, (size, size, 3)) if place == "device" else None
    built = build_network(
        setup.model,
        preprocessing=setup.preprocessing,
        classes=classes,
        training=setup.training,
        seed=0,
        devices=find_devices(),
        augmenter=on_device,
    )
    batches = ImageSequence(
        random_images(count, size),
        multiplied(np.arange(count), variants=1),
        ids=[str(i) for i in range(count)],
        seed=0,
        augmenter=on_device or augmenter,
        fresh=True,
        shuffle=True,
        labels=np.arange(count) % 2,
        classes=built.learner.output_shape[-1],
        batch_size=batch_size,
        workers=os.cpu_count() or 1,
    )
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter()))
    epochs = 2 if quick else 6
    with batches.ahead(epochs=epochs):
        built.learner.fit(as_fed(batches), epochs=epochs, callbacks=[clock], shuffle=False, verbose=0)
    # The first epoch compiles.
    return {"images_per_second": count / float(np.median(np.diff(times)))}


def augmentation_of_the_others() -> dict[str, Any]:
    """Returns the arguments for networks whose papers don't augment: those of Alert Net."""
    from leukcnn import papers

    return dict(papers.get("alertnet").setup("alertnet").augmentation.arguments)


def keras_part(name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Measures a network in Keras."""
    found = {"step": keras_step(name, quick, time.perf_counter() + STEP_SHARE * seconds)}
    return found | {f"fit_{place}": keras_fit(name, quick, place) for place in ("host", "device")}


def torch_part(name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Measures the same network in PyTorch."""
    import torch

    from leukcnn.training import network_of
    from tests.pytorch_networks import translated

    deadline = time.perf_counter() + STEP_SHARE * seconds
    setup, classes = setup_of(name, quick)
    size, scale = setup.preprocessing.image_size, setup.preprocessing.scale
    network = network_of(setup.model, image_size=size, classes=classes)
    module = translated(network)
    images = random_images(2, size)
    with torch.no_grad():
        taken = torch.tensor(images.transpose(0, 3, 1, 2).copy()) * scale
        own = module.eval()(taken).float().numpy()
    theirs = np.asarray(network(images * np.float32(scale), training=False))
    place = "cuda" if torch.cuda.is_available() else "cpu"
    module = module.to(place, memory_format=torch.channels_last).train()
    rate = setup.training.initial_learning_rate
    optimizer = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}.get(
        setup.training.optimizer.lower(), torch.optim.Adam
    )(module.parameters(), lr=rate)

    def step(images: Any, labels: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(place, torch.bfloat16, enabled=not quick):
            outputs = (
                module(images.contiguous(memory_format=torch.channels_last)).float().clamp(1e-7, 1 - 1e-7)
            )
        if outputs.shape[1] == 1:
            loss = torch.nn.functional.binary_cross_entropy(outputs[:, 0], labels.float())
        else:
            loss = torch.nn.functional.nll_loss(outputs.log(), labels)
        loss.backward()
        optimizer.step()

    def measure(batch_size: int) -> dict[str, float]:
        images = torch.rand((batch_size, 3, size, size), device=place)
        labels = torch.arange(batch_size, device=place) % 2
        wait = torch.cuda.synchronize if place == "cuda" else lambda: None
        return {
            "images_per_second": rate_of(lambda: step(images, labels), wait, batch_size, 0.1 if quick else 4)
        }

    torch.backends.cudnn.benchmark = True
    found = {
        "largest_difference": float(np.abs(own - theirs).max()),
        "step": rates_by_batch(measure, setup.training.batch_size, deadline, quick),
    }
    return found | {"loader": loader_rate(setup, step, place, quick)}


class Augmented:
    """A Dataset of augmented images, as tensors (3, H, W) and labels, at the network's scale."""

    def __init__(self, count: int, setup: Any) -> None:
        import torch

        from leukcnn.augmentation import ImageAugmenter

        # The workers share the memory.
        self.images = torch.from_numpy(random_images(count, setup.preprocessing.image_size)).share_memory_()
        self.scale = setup.preprocessing.scale
        self.augmenter = ImageAugmenter(**(setup.augmentation.arguments or augmentation_of_the_others()))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        import torch

        image = self.augmenter.random_transform(self.images[i].numpy(), int(torch.randint(2**31, ())))
        return torch.from_numpy(image).permute(2, 0, 1).float().mul_(self.scale), i % 2


def one_thread(worker: int) -> None:
    """Keeps OpenCV to one thread in a worker."""
    import cv2

    cv2.setNumThreads(1)


def loader_rate(setup: Any, step: Callable[..., None], place: str, quick: bool) -> dict[str, float]:
    """Measures PyTorch's step fed by a DataLoader with a worker for each core."""
    import torch

    batch_size = setup.training.batch_size
    images = Augmented(batch_size * (QUICK_BATCHES if quick else FITTED_BATCHES), setup)
    loader = torch.utils.data.DataLoader(
        images,
        batch_size,
        shuffle=True,
        num_workers=2 if quick else os.cpu_count() or 1,
        pin_memory=place == "cuda",
        persistent_workers=True,
        worker_init_fn=one_thread,
        # JAX, which built the network, has threads: a fork could hang.
        multiprocessing_context="spawn",
    )
    rates = []
    for _ in range(2 if quick else 6):
        started = time.perf_counter()
        for taken, labels in loader:
            step(taken.to(place, non_blocking=True), labels.to(place, non_blocking=True))
        if place == "cuda":
            torch.cuda.synchronize()
        rates.append(len(images) / (time.perf_counter() - started))
    # The first epoch starts the workers.
    return {"images_per_second": float(np.median(rates[1:]))}


PARTS = {"keras": keras_part, "torch": torch_part}


def in_a_process(part: str, name: str, quick: bool, seconds: float) -> dict[str, Any]:
    """Returns what a part measured in a process of its own, or why it measured nothing."""
    # Both frameworks keep the card's memory until they end; next to PyTorch, JAX needs only the processor.
    own = {"JAX_PLATFORMS": "cpu"} if part == "torch" else {"XLA_PYTHON_CLIENT_MEM_FRACTION": ".9"}
    command = [sys.executable, __file__, "--framework", part, "--networks", name, "--limit", str(seconds)]
    try:
        done = subprocess.run(
            command + ["--quick"] * quick,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=seconds * (10 if quick else 1.5),
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it took more than {seconds * 1.5:.0f} s"}
    if done.returncode:
        return {"error": done.stderr[-2000:]}
    return json.loads(done.stdout.splitlines()[-1])


def line(name: str, found: dict[str, Any]) -> str:
    """Returns a line of the table for a network."""
    if errors := [f"{part}: {one['error'][-300:]}" for part, one in found.items() if "error" in one]:
        return f"{name:20} {' | '.join(errors)}"
    ours, theirs = found["keras"], found["torch"]
    peak = next((value for card, value in PEAKS.items() if card in ours["step"]["device"]), float("nan"))
    cells = []
    for measured in (ours, theirs):
        batches = measured["step"]["batches"]
        first, best = next(iter(batches)), max(batches, key=lambda one: batches[one]["images_per_second"])
        flops = next(iter(ours["step"]["batches"].values()))["flops_per_image"]
        for batch in (first, best):
            rate = batches[batch]["images_per_second"]
            cells.append(f"{rate:8,.0f} at {batch:>4} ({100 * rate * flops / peak:4.1f} %)")
    fed = (ours["fit_host"], ours["fit_device"], theirs["loader"])
    cells += [f"{one['images_per_second']:8,.0f}" for one in fed]
    return f"{name:20} " + " ".join(cells)


def main() -> None:
    """Measures each network, prints a table, and writes gpu.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default=",".join(NETWORKS), help="some of the default, with commas")
    parser.add_argument("--limit", type=float, default=540, help="seconds (default: 540)")
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT", ".")), help="folder of gpu.json"
    )
    parser.add_argument("--quick", action="store_true", help="tiny batches, on a CPU too")
    parser.add_argument("--framework", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.networks.split(",")
    if arguments.framework:
        print(json.dumps(PARTS[arguments.framework](names[0], arguments.quick, arguments.limit)))
        return
    ended = time.perf_counter() + arguments.limit
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(
        "images/s. Step of Keras: paper's batch, best batch; step of PyTorch: the same; then fed: Keras with"
    )
    print("augmentation on the host, on the device, PyTorch with its DataLoader. (% of the peak.)")
    measured: dict[str, Any] = {}
    for number, name in enumerate(names):
        share = (ended - time.perf_counter()) / (len(names) - number) / len(PARTS) / 1.5
        measured[name] = {part: in_a_process(part, name, arguments.quick, share) for part in PARTS}
        (arguments.out / "gpu.json").write_text(json.dumps(measured, indent=1))
        print(line(name, measured[name]), flush=True)


if __name__ == "__main__":
    main()

"""What a user asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.datasets import CATALOG, card
from leukcnn.errors import SpecError, WeightsError
from leukcnn.fields import replace_at

SYNTHETIC = "synthetic"

# Backbones whose published files bear another name.
_FILE_NAMES = {"InceptionV3": "inception_v3"}

# Table kinds that rest on trained networks.
_TRAINED = ("scores", "folds", "t_test", "confusion", "external", "subjects", "leaderboard")
_TRAINED_FIGURES = ("history", "confusion", "activation_maps")


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the options of `leukcnn reproduce` name it.

    Attributes:
        paper: The paper.
        data: Folder of the data, or "synthetic".
        out: Folder of the runs.
        profile: Name of the profile.
        only: Id of one row, table or figure; None for all.
        seed: Root seed.
        runs: Repetitions with other seeds.
        split: Kind of split, None for the paper's own.
        datasets: Keys of the datasets to use, empty for the paper's own.
        weights: What fine-tuned networks start from: "none" (random), "imagenet", a file, or a folder of
            files with Keras' own names; None for the paper's own choice.
        assumed: Assumptions overridden by name.
        deterministic: Whether the same command must give the same bytes; None for the profile's own choice.
        precision: Keras' dtype policy, None for the profile's own.
        devices: As `leukcnn.distribution.find_devices` takes it.
        workers: Threads that prepare batches.
        tensorboard: Whether to write TensorBoard's logs.
    """

    paper: spec.Paper
    data: str
    out: Path = Path("runs")
    profile: str = "paper"
    only: str | None = None
    seed: int = 0
    runs: int = 1
    split: str | None = None
    datasets: tuple[str, ...] = ()
    weights: str | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    deterministic: bool | None = None
    precision: str | None = None
    devices: str | None = None
    workers: int = 2
    tensorboard: bool = False

    def __post_init__(self):
        paper = self.paper
        known = (*paper.row_ids, *(t.id for t in paper.tables), *(f.id for f in paper.figures))
        if self.only not in (None, *known):
            raise SpecError(
                f"--only got {self.only!r}.", expected=f"a row, table or figure: {', '.join(known)}"
            )
        if self.runs < 1:
            raise SpecError(f"--runs got {self.runs}.", expected="a whole number of at least 1")
        if self.split not in (None, *paper.splits):
            raise SpecError(f"--split got {self.split!r} for {paper.key}.", expected=", ".join(paper.splits))
        if self.datasets and not paper.class_of:
            raise SpecError(
                f"--datasets got {', '.join(self.datasets)}, but {paper.key} has one dataset.",
                expected=f"no --datasets, for {paper.datasets[0]}",
            )
        for name in self.datasets:
            card(name)
        for row in paper.row_ids:
            self.setup(row)

    @property
    def changes(self) -> dict[str, Any]:
        """Fields that options change, by path."""
        chosen = {
            "split.kind": self.split,
            "training.deterministic": self.deterministic,
            "training.precision": self.precision,
        }
        return {path: value for path, value in chosen.items() if value is not None}

    def setup(self, row: str) -> spec.Setup:
        """Returns what a row's trials do."""
        setup = self.paper.setup(row, profile=self.profile, assumed=self.assumed, changes=self.changes)
        unused = row not in self.rows_to_train
        if self.weights is None or "weights" not in setup.model.arguments or unused:
            return setup
        weights = None if self.weights == "none" else weights_file(self.weights, setup.model.arguments)
        return replace_at(setup, "model.arguments.weights", weights)

    @property
    def control_preprocessing(self) -> spec.Preprocessing:
        """Crop and size of the pictures that the controls see: the paper's own, whatever the profile."""
        return self.paper.setup(self.paper.row_ids[0], assumed=self.assumed).preprocessing

    @property
    def dataset_keys(self) -> tuple[str, ...]:
        """Keys of the datasets to use."""
        # In one order, whatever the order on the command line: the batches follow it.
        return tuple(name for name in CATALOG if name in (self.datasets or self.paper.datasets))

    @property
    def rows_to_train(self) -> tuple[str, ...]:
        """Rows that this request needs trained."""
        if self.only in self.paper.row_ids:
            return (self.only,)
        for item in (*self.paper.tables, *self.paper.figures):
            if item.id == self.only:
                if item.kind not in (*_TRAINED, *_TRAINED_FIGURES):
                    return tuple(row for _, row, _ in getattr(item, "measured", ()))
                return item.rows or self.paper.row_ids
        return self.paper.row_ids


def weights_file(place: str, arguments: Mapping[str, Any]) -> str:
    """Returns where a fine-tuned network's weights are: "imagenet", a file, or one of its name in a folder.

    Args:
        place: Value of --weights.
        arguments: Arguments of the builder, `backbone` among them.

    Raises:
        WeightsError: There is no such file.
    """
    path = Path(place).expanduser()
    if place == "imagenet" or path.is_file():
        return place if place == "imagenet" else str(path)
    # Keras itself writes some names with an underscore: inception_v3_weights_...
    backbone = _FILE_NAMES.get(arguments["backbone"], arguments["backbone"].lower())
    files = path.glob("*") if path.is_dir() else []
    found = sorted(p for p in files if p.name.lower().startswith((f"{backbone}_weights", f"{backbone}.")))
    # The whole published network may lie beside its base.
    found.sort(key=lambda p: "notop" not in p.name)
    if not found:
        lacking = f"holds no file whose name begins with {backbone!r}" if path.is_dir() else "isn't there"
        raise WeightsError(
            f"--weights got {place!r}, which {lacking}.",
            expected="'none', 'imagenet', a weights file (.h5, .weights.h5 or .keras), or a folder with one "
            "for each network, named as Keras names them: "
            f"{backbone}_weights_tf_dim_ordering_tf_kernels_notop.h5",
            remedy="get the file where there is a connection, or start from random weights: --weights none",
        )
    return str(found[0])

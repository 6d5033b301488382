"""The options of `leukcnn reproduce`, checked."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from leukcnn import spec
from leukcnn.argument_types import user_path
from leukcnn.datasets.catalog import CATALOG, card, open_datasets
from leukcnn.device_names import read_devices
from leukcnn.errors import SpecError, WeightsError
from leukcnn.fields import did_you_mean
from leukcnn.host_names import Place, read_hosts
from leukcnn.launchers import read_launcher
from leukcnn.paths import did_you_mean_weights
from leukcnn.rendering.figure_files import FORMS
from leukcnn.spec.metrics import MARGIN
from leukcnn.tracking import read_track

NUMBERS = {"seed": (0, 2**63 - 1), "runs": (1, 1000), "workers": (1, 1000)}
"""Option -> its least and its largest value."""
SCRATCH = "scratch"
SYNTHETIC = "synthetic"
"""Value of --data for synthetic images."""
OPEN = "open"
"""Value of --datasets for the datasets that anyone may download."""


def check_only(paper: spec.Paper, only: str | None) -> None:
    """Checks that --only is None or the id of a row, table or figure of a paper.

    Raises:
        SpecError: It is something else.
    """
    known = (*paper.row_ids, *(t.id for t in paper.tables), *(f.id for f in paper.figures))
    if only is not None and only not in known:
        raise SpecError(
            f"only (--only) got {only!r}.",
            expected=f"a row, table or figure: {', '.join(known)}",
            remedy=did_you_mean(only, known),
        )


def check_margin(margin: float) -> None:
    """Checks that --margin is a number of points above 0 and at most 100.

    Raises:
        SpecError: It is something else.
    """
    number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if not number or not math.isfinite(margin) or not 0 < margin <= 100:
        raise SpecError(
            f"margin (--margin) got {margin!r:.80}.",
            expected="a number of percentage points above 0 and at most 100, such as 2",
        )


def open_choice(paper: spec.Paper) -> tuple[str, ...]:
    """Returns the open datasets with images of a paper's classes; none if all of them are the paper's own."""
    keys = open_datasets(paper.class_of)
    return () if {*keys} <= {*paper.datasets} else keys


def chosen_datasets(paper: spec.Paper, named: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the keys of the datasets that --datasets chooses.

    Args:
        paper: The paper.
        named: Keys of datasets; "open" alone for the open ones; empty for the paper's own.

    Raises:
        SpecError: "open" has other keys next to it or is misspelt, or there are no open datasets for the
            paper.
    """
    for name in named:
        if name not in (*CATALOG, OPEN) and (hint := did_you_mean(name, (OPEN,))):
            raise SpecError(
                f"datasets (--datasets) got {name!r}.", expected=f"{OPEN}, or keys of datasets", remedy=hint
            )
    if OPEN not in named:
        return named or paper.datasets
    if len(named) > 1:
        raise SpecError(
            f"datasets (--datasets) got {', '.join(named)}.",
            expected=f"{OPEN} alone, or keys of datasets",
            remedy=f"leave out {OPEN}, which means {', '.join(open_choice(paper)) or 'none here'}",
        )
    if not open_choice(paper):
        raise SpecError(
            f"datasets (--datasets) got {OPEN}, but {paper.key} has one dataset, whose classes no other open "
            "dataset has.",
            expected=f"no --datasets; it uses {paper.datasets[0]}",
            remedy=f"'leukcnn papers' lists the papers that --datasets {OPEN} is for",
        )
    return open_choice(paper)


@dataclass(frozen=True)
class Request:
    """The options of `leukcnn reproduce`.

    Attributes:
        paper: The paper.
        data: Folder of the data, or "synthetic".
        out: Folder of the runs.
        profile: Name of the profile.
        only: Id of one row, table or figure; None for all.
        seed: Root seed.
        runs: Number of repetitions, each with another seed; None for the profile's or the paper's number.
        split: Kind of split; None for each row's own split and its extra splits.
        unknown_subjects: What a split by subject does with images of unknown subject, one of
            `spec.UNKNOWN_SUBJECTS`; None for the paper's choice.
        datasets: Keys of the datasets to use; ("open",) for the open ones; empty for the paper's.
        classes: Class folder -> the class of its images, where its name may mean several.
        weights: Initial weights of fine-tuned networks: "none" (random), "imagenet", a file, or a folder of
            files with their publishers' names; None for the paper's choice.
        base: "scratch" or "scratch=NAME" for a network trained from scratch instead of those that need
            published weights; None for the paper's networks, unless `weights` is "none" and the paper has
            a network from scratch.
        mask: Part of each image that is blanked, one of `spec.MASKS`; None for none.
        assumed: Name of an assumption -> value that replaces the paper's default.
        deterministic: Whether the same command must give the same bytes; None for the profile's choice.
        precision: Keras' dtype policy; None for the profile's.
        augment: Where images are augmented, one of `spec.COMPUTED_ON`; None for the paper's choice.
        devices: As `leukcnn.distribution.find_devices` takes it.
        hosts: Number of hosts that share each batch, or "slurm"; None for this one alone.
        host_index: Index of this host.
        coordinator: HOST:PORT of host 0.
        workers: Threads that prepare batches.
        launcher: "dask" or "dask:N" to run trials in N worker processes; None to run them in this one.
        scheduler: Address of a scheduler of dask, whose workers run the trials; None for processes on this
            machine.
        trial: Name of the one trial or control of the plan that is run; None for all of them.
        track: Trackers that trials are reported to, some of `leukcnn.tracking.TRACKERS`.
        margin: Points within which a published and a measured value agree, above 0 and at most 100.
        controls_only: Whether the run ends after the controls, without training any network.
        command: Name of the command that was called.
        given: Its options as they were given, with their defaults; written into the run's folder.
        figures: Form of the figures: "png"; "pdf" or "svg" as well; or "paper" for a manuscript. None for
            that of the files that are there, at first PNG.
    """

    paper: spec.Paper
    data: str
    out: Path = Path("runs")
    profile: str = "paper"
    only: str | None = None
    seed: int = 0
    runs: int | None = None
    split: str | None = None
    unknown_subjects: str | None = None
    datasets: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None
    base: str | None = None
    mask: str | None = None
    assumed: Mapping[str, Any] = field(default_factory=dict)
    deterministic: bool | None = None
    precision: str | None = None
    augment: str | None = None
    devices: str | None = None
    hosts: str | None = None
    host_index: int | None = None
    coordinator: str | None = None
    workers: int = 2
    launcher: str | None = None
    scheduler: str | None = None
    trial: str | None = None
    track: tuple[str, ...] = ()
    margin: float = MARGIN
    controls_only: bool = False
    command: str = "reproduce"
    given: Mapping[str, Any] = field(default_factory=dict)
    figures: str | None = None

    def __post_init__(self) -> None:
        paper = self.paper
        check_only(paper, self.only)
        check_margin(self.margin)
        for option, (least, most) in NUMBERS.items():
            number = getattr(self, option)
            if number is not None and (not isinstance(number, int) or not least <= number <= most):
                raise SpecError(
                    f"{option} (--{option}) got {number!r:.80}.",
                    expected=f"a whole number from {least} to {most:,}",
                )
        if self.devices is not None:
            read_devices(self.devices)
        self._check_hosts()
        read_launcher(self.launcher, self.scheduler, self.devices)
        self._check_trial()
        read_track(self.track)
        if twice := sorted({name for name in self.datasets if self.datasets.count(name) > 1}):
            raise SpecError(
                f"datasets (--datasets) got {', '.join(twice)} twice.", expected="each dataset once"
            )
        kinds = tuple(dict.fromkeys((*paper.splits, *spec.EVERY_PAPER_KINDS)))
        if self.split is not None and self.split not in kinds:
            raise SpecError(
                f"split (--split) got {self.split!r} for {paper.key}.",
                expected=", ".join(kinds),
                remedy=did_you_mean(self.split, kinds),
            )
        chosen = chosen_datasets(paper, self.datasets)
        if self.datasets and not paper.class_of:
            raise SpecError(
                f"datasets (--datasets) got {', '.join(self.datasets)}, but {paper.key} has one dataset.",
                expected=f"no --datasets; it uses {paper.datasets[0]}",
            )
        for name in chosen:
            card(name)
        paper.profile(self.profile)
        for name in self.assumed:
            paper.assumption(name)
        for option, value, choices in (
            ("unknown_subjects (--unknown-subjects)", self.unknown_subjects, spec.UNKNOWN_SUBJECTS),
            ("mask (--mask)", self.mask, spec.MASKS),
            ("precision (--precision)", self.precision, spec.PRECISIONS),
            ("augment (--augment)", self.augment, spec.COMPUTED_ON),
            ("figures (--figures)", self.figures, tuple(FORMS)),
        ):
            if value not in (None, *choices):
                raise SpecError(
                    f"{option} got {value!r}.",
                    expected=" or ".join(choices),
                    remedy=did_you_mean(value, choices),
                )
        self._check_unknown_subjects()
        self._check_weights()
        self._check_base()

    @cached_property
    def place(self) -> Place | None:
        """This host's place among several; None for a single host."""
        return read_hosts(self.hosts, self.host_index, self.coordinator)

    def _check_hosts(self) -> None:
        if self.place and self.launcher is not None:
            raise SpecError(
                f"hosts (--hosts) got {self.hosts} with launcher (--launcher) {self.launcher}.",
                expected="one of them: hosts share the batches of a trial, and workers share the trials",
                remedy="leave out --launcher, or --hosts, --host-index and --coordinator",
            )

    def _check_trial(self) -> None:
        if self.trial is None:
            return
        if not re.fullmatch("[0-9a-f]{16}", self.trial):
            raise SpecError(
                f"trial (--trial) got {self.trial!r:.80}.",
                expected="the name of a trial, 16 digits or letters from a to f",
                remedy="`leukcnn plan` with the same options lists the names",
            )
        if self.figures is not None:
            raise SpecError(
                f"trial (--trial) got {self.trial} with figures (--figures) {self.figures}.",
                expected="one of them, since no figures are plotted for one trial",
                remedy="leave out --figures, and plot them with `leukcnn table` when all trials are finished",
            )
        if self.launcher is not None:
            raise SpecError(
                f"trial (--trial) got {self.trial} with launcher (--launcher) {self.launcher}.",
                expected="one of them, since one trial runs in one process",
                remedy="leave out --launcher, or --trial to run all trials",
            )

    def _check_unknown_subjects(self) -> None:
        rows = self.paper.rows
        kinds = {kind for row in rows for kind in (row.setup.split.kind, *row.extra_splits)}
        used = {self.split} if self.split else kinds
        if self.unknown_subjects is None or used & {*spec.SUBJECT_KINDS}:
            return
        by_subject = [kind for kind in self.paper.splits if kind in spec.SUBJECT_KINDS]
        raise SpecError(
            f"unknown_subjects (--unknown-subjects) got {self.unknown_subjects!r}, but no split of this run "
            f"needs subjects: {', '.join(sorted(used))}.",
            expected=f"it with --split {' or '.join(by_subject)}" if by_subject else "no --unknown-subjects",
        )

    def _check_weights(self) -> None:
        place = self.weights
        if place in (None, "none", "imagenet"):
            return
        path = user_path(place, "weights (--weights)")
        if path.is_file() or path.is_dir():
            return
        # Opening a pipe would wait for ever, and a device may have no end.
        reason = "is no regular file and no folder" if path.exists() else "doesn't exist"
        raise WeightsError(
            f"weights (--weights) got {place!r}, which {reason}.",
            expected="'none', 'imagenet', a weights file (.h5, .weights.h5 or .keras), or a folder of them",
            remedy=did_you_mean(place, ("none", "imagenet"))
            or did_you_mean_weights(path)
            or "check the path, or start from random weights: --weights none",
        )

    def _check_base(self) -> None:
        substituted = self.only in self.paper.row_ids and self.paper.row(self.only).scratch_name
        if self.weights not in (None, "none") and (self.base or substituted):
            named = f"--base {self.base}" if self.base else f"--only {self.only}"
            raise SpecError(
                f"{named} was given with --weights {self.weights}.",
                expected="one of them, since a network from scratch starts from random weights",
                remedy=f"leave out {named} to start from those weights",
            )
        if self.base is None:
            return
        names = list(self.paper.substitutes)
        if not names:
            raise SpecError(
                f"base (--base) got {self.base!r}, but {self.paper.key} has no network from scratch "
                "to use instead.",
                expected="no --base",
            )
        kind, equals, name = self.base.partition("=")
        if kind != SCRATCH or (equals and name not in names):
            raise SpecError(
                f"base (--base) got {self.base!r}.",
                expected=f"{SCRATCH}, which is {SCRATCH}={names[0]}"
                + "".join(f", or {SCRATCH}={other}" for other in names[1:]),
                remedy=did_you_mean(self.base, (SCRATCH, *(f"{SCRATCH}={other}" for other in names))),
            )
        if self.only in self.paper.row_ids:
            raise SpecError(
                f"--base {self.base} was given with --only {self.only}.",
                expected="one of them, since both choose the network",
                remedy=f"leave out --only {self.only}",
            )

"""`reproduce` trains a paper's networks and builds its tables; `audit` checks its printed values.

The commands of those names call them.
"""

import inspect
import os
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any

from leukcnn import spec
from leukcnn.argument_types import require_type, require_types, user_path
from leukcnn.auditing.audit import Audit
from leukcnn.auditing.audit import audit as audit_paper
from leukcnn.backend import start_backend
from leukcnn.datasets.class_words import GivenClasses, given_classes
from leukcnn.errors import SpecError
from leukcnn.launchers import leave_memory_to_workers
from leukcnn.run import Run
from leukcnn.spec.metrics import MARGIN
from leukcnn.start import PaperName, Place, data_folder, find_paper, require_images
from leukcnn.tracking import read_track

if TYPE_CHECKING:
    from leukcnn.experiment.planning import Listing
    from leukcnn.experiment.request import Request
    from leukcnn.progress import TrainingProgress

_FILE = (str, os.PathLike)
_TEXT = ((str, NoneType), "a string or None")
_NUMBER = (int, "a whole number")

# Argument of `reproduce` -> its types, and what it should be in words. `runs` may be any number here, since
# the options' own check names its limit.
OPTION_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "paper": ((*_FILE, spec.Paper), "a paper's key, its file, or the paper itself"),
    "data": ((*_FILE, NoneType), 'a folder or "synthetic"'),
    "profile": (str, "the name of a profile"),
    "only": _TEXT,
    "out": (_FILE, "a folder"),
    "seed": _NUMBER,
    "runs": ((int, float, NoneType), "a whole number or None"),
    "split": _TEXT,
    "unknown_subjects": _TEXT,
    "datasets": ((Sequence, NoneType), "keys of datasets or None"),
    "classes": (
        (Mapping, Sequence, NoneType),
        'classes of folders, such as {"positive": "ALL"} or ["positive=ALL"]',
    ),
    "weights": ((*_FILE, NoneType), 'a file, a folder, "imagenet", "none" or None'),
    "base": _TEXT,
    "mask": _TEXT,
    "assume": (
        (Mapping, list, tuple, NoneType),
        'assumptions with their values, such as {"batch_size": 20} or ["batch_size=20"]',
    ),
    "deterministic": ((bool, NoneType), "True, False or None"),
    "precision": _TEXT,
    "augment": _TEXT,
    "devices": ((str, int, NoneType), '"all", a number of GPUs, "cpu:N" or None'),
    "hosts": ((str, int, NoneType), 'a number, "slurm" or None'),
    "host_index": ((int, NoneType), "a whole number or None"),
    "coordinator": _TEXT,
    "workers": _NUMBER,
    "launcher": _TEXT,
    "scheduler": _TEXT,
    "trial": _TEXT,
    "track": ((Sequence, NoneType), "names of trackers or None"),
    "margin": ((int, float), "a number of percentage points"),
    "controls_only": (bool, "True or False"),
    "figures": _TEXT,
    "quiet": (bool, "True or False"),
}


def reproduce(
    paper: PaperName,
    *,
    data: Place | None = None,
    profile: str = "paper",
    only: str | None = None,
    out: Place = "runs",
    seed: int = 0,
    runs: int | None = None,
    split: str | None = None,
    unknown_subjects: str | None = None,
    datasets: str | Sequence[str] | None = None,
    classes: GivenClasses = None,
    weights: Place | None = None,
    base: str | None = None,
    mask: str | None = None,
    assume: Mapping[str, Any] | Sequence[str] | None = None,
    deterministic: bool | None = None,
    precision: str | None = None,
    augment: str | None = None,
    devices: str | int | None = None,
    hosts: str | int | None = None,
    host_index: int | None = None,
    coordinator: str | None = None,
    workers: int = 2,
    launcher: str | None = None,
    scheduler: str | None = None,
    trial: str | None = None,
    track: str | Sequence[str] | None = None,
    margin: float = MARGIN,
    controls_only: bool = False,
    figures: str | None = None,
    quiet: bool = False,
) -> Run | None:
    """Trains a paper's networks and returns the run, as the command `leukcnn reproduce` does.

    Finished trials are kept in `out` and never computed again; interrupted ones continue after the last epoch
    that was saved.

        run = leukcnn.reproduce("cnmc2019", data="synthetic", profile="smoke")
        run["table2"]

    With `hosts`, host 0 returns the run, and the others None.

    Args:
        paper: Key of a paper (`leukcnn.papers.list_papers()`), path of a paper's file, or the paper itself.
        data: Folder of the data, or "synthetic"; by default the environment variable LEUKCNN_DATA.
        profile: "paper", or "smoke" for a quick look.
        only: Id of one table, figure or row; None for all.
        out: Folder of the runs.
        seed: Root seed.
        runs: Repetitions with other seeds; None for the paper's own number.
        split: Kind of split instead of the paper's own, one of `leukcnn.spec.SPLIT_KINDS`.
        unknown_subjects: What a split by subject does with images of unknown subject: "refuse" them, keep
            those of a dataset in "one-group", or make "each" a group of its own; None for the paper's choice.
        datasets: Keys of datasets instead of the paper's own, or "open" for those that anyone may download;
            None for the paper's own.
        classes: Class folder -> the class of its images, or texts FOLDER=CLASS, where the folder's name
            doesn't say it for certain.
        weights: What fine-tuned networks start from: a file, a folder of published files, "imagenet", or
            "none" for random weights.
        base: "scratch" or "scratch=NAME" for a network trained from scratch in place of those that need
            published weights.
        mask: Part of every image that is blanked, one of `leukcnn.spec.MASKS`.
        assume: Assumption -> its value instead of the paper's default, or texts NAME=VALUE.
        deterministic: Whether the same call gives the same bytes; None for the profile's choice.
        precision: Keras' dtype policy, one of `leukcnn.spec.PRECISIONS`; None for the profile's.
        augment: Where training images are augmented: "host" or "device" (in the training step, which can
            change a grey level by 1); None for the paper's choice, "host" if it makes none.
        devices: "all", a number of GPUs or "cpu:N"; None for the first GPU, or else the processor.
        hosts: Number of hosts that share each batch (JAX), each running this with an index of its own; or
            "slurm", to read all three from what `srun` sets. `devices` are then those of each host.
        host_index: Index of this host, from 0; host 0 alone reads and writes `out`.
        coordinator: "HOST:PORT", the address of host 0 and a free port there, the same on all hosts.
        workers: Threads that prepare batches; the result doesn't depend on them.
        launcher: "dask", or "dask:N" with a number, to run trials in worker processes of dask at the same
            time; None to run them one after the other. The result is the same.
        scheduler: Address of a scheduler of dask that runs already, such as "tcp://10.0.0.1:8786"; None for
            worker processes on this machine. It needs `launcher`.
        trial: Name of one trial or control of the plan (`leukcnn plan`) to run alone, for jobs of a cluster;
            no tables are built then. None runs all of them.
        track: "mlflow", "wandb" or "tensorboard", or several: what trials are reported to.
        margin: Percentage points within which a published and a measured value agree; a hundredth of it for
            metrics that aren't in percent.
        controls_only: Whether to end after the controls, without training any network.
        figures: Form of the figures: "png"; "pdf" or "svg" as well; or "paper" for a manuscript: PDF and PNG
            at 300 dpi without mark and caption, which are in a file next to them. None for the form of an
            earlier run, at first PNG.
        quiet: Whether to show no progress.

    Raises:
        LeukCNNError: An option, the data, the weights, the devices or the output folder can't be used.
            Options and files are checked before Keras is loaded.
    """
    # This must come first: `locals()` then holds nothing but the arguments.
    given = dict(locals())
    require_types(given, OPTION_TYPES)

    return run_request(_request(given), quiet=quiet)


def _request(given: Mapping[str, Any]) -> "Request":
    """Returns the request of the arguments of `reproduce`."""
    from leukcnn.experiment.request import Request, chosen_datasets

    found, named = find_paper(given["paper"]), _named(given["datasets"])
    data = data_folder(given["data"], chosen_datasets(found, named), folders=found.folders)
    weights, devices, hosts = given["weights"], given["devices"], given["hosts"]
    as_they_are = (
        *("profile", "only", "seed", "runs", "split", "unknown_subjects", "base", "mask", "margin"),
        *("deterministic", "precision", "augment", "workers", "launcher", "scheduler", "trial", "figures"),
        *("host_index", "coordinator", "controls_only"),
    )
    return Request(
        paper=found,
        data=data,
        out=user_path(given["out"], "out (--out)"),
        datasets=named,
        classes=given_classes(given["classes"]),
        weights=None if weights is None else str(weights),
        assumed=_assumed(found, given["assume"] or ()),
        devices=None if devices is None else str(devices),
        hosts=None if hosts is None else str(hosts),
        track=read_track(given["track"]),
        given=given,
        **{name: given[name] for name in as_they_are},
    )


def plan(paper: PaperName, *, quiet: bool = False, **options: Any) -> "Listing":
    """Returns the trials and controls of a run without training, as the command `leukcnn plan` does.

    Args:
        paper: As for `reproduce`.
        quiet: Whether to show no progress.
        **options: Other arguments of `reproduce`, with its defaults.

    Raises:
        LeukCNNError: As for `reproduce`.
    """
    defaults = {name: one.default for name, one in inspect.signature(reproduce).parameters.items()}
    given = {**defaults, **options, "paper": paper, "quiet": quiet}
    require_types(given, OPTION_TYPES)
    request = _request(given)

    from leukcnn.experiment.study import check_request

    check_request(request, writing=False)
    start_backend()

    from leukcnn.experiment.run import plan_of

    with _progress(quiet) as progress:
        return plan_of(request, progress=progress)


def run_request(request: "Request", *, quiet: bool) -> Run | None:
    """Checks a request, then trains what isn't trained yet and returns the run.

    Args:
        request: The options.
        quiet: Whether to show no progress.

    Raises:
        LeukCNNError: As for `reproduce`.
    """
    from leukcnn.experiment.request import chosen_datasets
    from leukcnn.experiment.study import check_request

    check_request(request)
    chosen = chosen_datasets(request.paper, request.datasets)
    require_images(request.paper, chosen, request.data, out=request.out, classes=request.classes)
    if request.launcher:
        leave_memory_to_workers()
    start_backend()

    from leukcnn.experiment import run

    with _progress(quiet) as progress:
        if request.trial:
            one = run.reproduce_one(request, request.trial, progress=progress)
            return Run(one[0], request.paper, ended=one[1]) if one else None
        report = run.reproduce(request, progress=progress)
    return Run(report.folder, request.paper, report=report) if report else None


def _progress(quiet: bool) -> "TrainingProgress":
    from rich.console import Console

    from leukcnn.progress import TrainingProgress

    return TrainingProgress(console=Console(quiet=True) if quiet else None)


def _named(datasets: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the keys of datasets that are named; none for the paper's own."""
    if datasets is None:
        return ()
    names = tuple(datasets.split(",") if isinstance(datasets, str) else datasets)
    for name in names:
        require_type(str, "keys of datasets", datasets=name)
    names = tuple(name.strip() for name in names)
    if isinstance(datasets, str) and not all(names):
        raise SpecError(
            f"datasets (--datasets) got {datasets!r}.",
            expected="keys of datasets with a comma between two of them, such as A,B",
            remedy="`leukcnn datasets` lists them; leave the option out for the paper's own",
        )
    return names


def _assumed(paper: spec.Paper, assume: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """Returns the values of assumptions in the types that the paper has."""
    if isinstance(assume, Mapping):
        return {name: paper.read_assumption(name, value) for name, value in assume.items()}
    values: dict[str, Any] = {}
    for text in assume:
        require_type(str, "texts NAME=VALUE", assume=text)
        name, value = paper.parse_assumption(text)
        if name in values:
            raise SpecError(
                f"assume (--assume) got {name} twice: {values[name]!r} and {value!r}.",
                expected="each name once",
            )
        values[name] = value
    return values


def audit(paper: PaperName) -> Audit:
    """Checks what a paper's printed values prove by themselves, without data, as `leukcnn audit`.

    Args:
        paper: Key of a paper, path of a paper's file, or the paper itself.

    Returns:
        The answer to each claim (`answers`), two tables (`tables`: claims and printed values), their numbers
        in one line (`summary`), `to_json()` and `write(folder)`.

    Raises:
        ArgumentError: An argument has another type.
        SpecError: There is no such paper, or a claim of it has wrong values.
    """
    types, expected = OPTION_TYPES["paper"]
    require_type(types, expected, paper=paper)
    return audit_paper(find_paper(paper))

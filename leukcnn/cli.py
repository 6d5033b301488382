"""The command line. Heavy libraries are imported inside the commands, so that `--help` answers at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from leukcnn import __version__, papers, quiet
from leukcnn.errors import DataError, LeukCNNError, SpecError, StoreError
from leukcnn.fields import did_you_mean
from leukcnn.spec import MASKS, PRECISIONS, SPLIT_KINDS

_DATA = click.option(
    "--data",
    envvar="LEUKCNN_DATA",
    metavar="DIR|synthetic",
    help="Folder of the data (the dataset's own or the one above it), or 'synthetic' for synthetic cells. "
    "Default: the environment variable LEUKCNN_DATA.",
)
_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs.",
)
_ONLY = click.option("--only", metavar="table2|ROW", help="One table, figure or row alone.")


class _Choice(click.Choice):
    """One of some words, with the nearest of them where it is another."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns a word that is one of them."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = did_you_mean(str(value), self.choices)
            error.message = f"{error.message} {hint[:1].upper()}{hint[1:]}".rstrip()
            raise


class _Commands(click.Group):
    """Turns errors that leukcnn raises on purpose into a message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except LeukCNNError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Reproduces papers on recognising leukaemia in blood-smear images.

    Start with: leukcnn reproduce cnmc2019 --data synthetic --profile smoke
    """
    quiet.set_variables()


@main.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False)
def list_papers(name: str | None) -> None:
    """Lists the papers, or shows one: profiles, rows and assumptions."""
    for key in papers.list_papers() if name is None else (name,):
        paper = papers.get(key) if name is None else _paper(name)
        click.echo(f"{paper.key}: {paper.title}\n  {paper.authors}, {paper.citation}\n  Task: {paper.task}")
        click.echo(f"  Rows: {', '.join(row.id for row in paper.rows if not row.scratch_name)}")
        if paper.substitutes:
            click.echo(f"  Networks for --base scratch=NAME: {', '.join(paper.substitutes)}")
        for profile in paper.profiles:
            click.echo(f"  Profile {profile.name}: {profile.description}")
        click.echo("  Assumptions, for --assume NAME=VALUE:")
        for assumption in paper.assumptions:
            value = paper.assumed_value(assumption.name)
            click.echo(f"    {assumption.name} = {value}: {assumption.reason} [{assumption.where}]")


@main.command()
@click.argument("name", required=False)
def datasets(name: str | None) -> None:
    """Lists the datasets, or shows one: classes, counts, source, licence, layouts."""
    from leukcnn.datasets import catalog

    if name is None:
        for key, card in catalog.CATALOG.items():
            click.echo(f"{key}: {card.name}, {card.total:,} images, {', '.join(card.classes)}")
            click.echo(f"    {card.availability}")
        return
    for line in catalog.card(name).lines():
        click.echo(line)


@main.command()
@click.argument("name", metavar="DATASET|PAPER|FILE.py")
@_DATA
def check(name: str, data: str | None) -> None:
    """Verifies a dataset or those of a paper that are there; exits with 1 if something is wrong.

    Then lists the images that stand there twice, or nearly: they are worth knowing, and no fault.
    """
    from leukcnn.datasets import CATALOG

    def say(text: str) -> None:
        click.echo(text, err=True)

    named = name not in CATALOG and (name in papers.list_papers() or papers.is_file_name(name))
    if not named and name not in CATALOG:
        known = (*CATALOG, *papers.list_papers())
        raise DataError(
            f"There is no dataset and no paper named {name!r}.",
            expected=f"one of {', '.join(sorted(known))}, or a paper's file",
            remedy=did_you_mean(name, known) or "`leukcnn datasets` and `leukcnn papers` list them",
        )
    paper = _paper(name) if named else None
    names = paper.datasets if paper else (name,)
    data = _data_option(data, names)

    from leukcnn.datasets import present, verify
    from leukcnn.duplicate_scan import scan_folders
    from leukcnn.experiment.loading import count_files, data_folder

    root = data_folder(data, names, say=say, paper=paper)
    if len(names) > 1:
        here = present(names, root)
        for absent in (key for key in names if key not in here):
            click.echo(f"{absent}: not there")
        names = tuple(here)
    reports = [verify(key, root, progress=count_files(say)) for key in names]
    for report in reports:
        for line in report.lines():
            click.echo(line)
    if not reports:
        raise DataError(
            f"None of the datasets of {name} lies below {root}.",
            expected="folders named after them (`leukcnn datasets`)",
            remedy="pass the folder above them as --data",
        )
    sound = [report.card.key for report in reports if report.ok]
    if sound:
        for line in scan_folders(sound, root, paper=paper).lines():
            click.echo(line)
    if faulty := [report.card.key for report in reports if not report.ok]:
        click.echo(f"not searched for duplicates because of their faults: {', '.join(faulty)}")
        sys.exit(1)


@main.command()
@click.argument("paper", metavar="PAPER|FILE.py")
@_DATA
@_OUT
@_ONLY
@click.option("--profile", default="paper", show_default=True, help="paper, or smoke for a quick look.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions; the paper's own number if not given.")
@click.option("--split", type=_Choice(SPLIT_KINDS), help="Instead of the paper's own split.")
@click.option("--datasets", metavar="NAME,NAME", default="", help="Instead of the paper's own datasets.")
@click.option(
    "--weights",
    metavar="FILE|DIR|none",
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
@click.option(
    "--base",
    metavar="scratch[=NAME]",
    help="A network trained from scratch in the place of those that need published weights.",
)
@click.option("--mask", type=_Choice(MASKS), help="Blank this part of every image, for controls too.")
@click.option("--assume", "assumed", multiple=True, metavar="NAME=VALUE", help="Override an assumption.")
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Same command, same bytes (on in the smoke profile).",
)
@click.option("--precision", type=_Choice(PRECISIONS), help="Keras' dtype policy.")
@click.option("--devices", metavar="all|N|cpu:N", help="Devices that share each batch.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Threads that prepare batches; the result doesn't depend on them.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's logs into the trials' folders.")
def reproduce(paper: str, data: str | None, datasets: str, assumed: tuple[str, ...], **options: Any) -> None:
    """Trains a paper's networks and prints its tables, published beside measured.

    Finished trials are kept in --out and never computed again; interrupted ones go on from the last epoch
    that was saved.
    """
    found = _paper(paper)
    overrides = dict(found.parse_assumption(text) for text in assumed)
    named = tuple(name.strip() for name in datasets.split(",") if name.strip())

    # What a user asks for is refused in a moment, before Keras is loaded.
    from leukcnn.experiment.request import Request

    folder = _data_option(data, named or found.datasets)
    request = Request(paper=found, data=folder, datasets=named, assumed=overrides, **options)
    _start_backend()

    from leukcnn.experiment.estimate import describe_seconds
    from leukcnn.experiment.run import reproduce as run
    from leukcnn.progress import TrainingProgress

    with TrainingProgress() as progress:
        report = run(request, progress=progress)
    _print_report(report)
    click.echo(describe_seconds(report.seconds))


@main.command()
@click.argument("paper", metavar="PAPER|FILE.py")
@_OUT
@_ONLY
@click.option("--verify", is_flag=True, help="Check the stored files and figures instead; exit with 1.")
def table(paper: str, out: Path, only: str | None, verify: bool) -> None:
    """Draws the tables and figures of finished runs again, without data and without training."""
    found = _paper(paper)

    from leukcnn.experiment.request import check_only
    from leukcnn.runs import Store

    check_only(found, only)
    store, faults = Store(out, found.key), []
    folders = list(store.experiments())
    _start_backend()

    from leukcnn.experiment.report import report, verify_report

    for folder in folders:
        # One that can't be read, such as another version's, is named, and the others are shown.
        try:
            if verify:
                faults += verify_report(store, folder, found)
            else:
                _print_report(report(store, folder, found, only=only, faults=faults))
        except StoreError as error:
            faults.append(str(error))
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)
    if verify:
        click.echo("Every stored file is as it was written and gives the same tables.")


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write a CSV file too.")
def predict(model: Path, images: tuple[Path, ...], table: Path | None) -> None:
    """Says what a trained network (a trial's model.keras) makes of images or folders of images."""
    from leukcnn.paths import find_images, network_file

    model, paths = network_file(model), find_images(images)
    _start_backend()

    from leukcnn.prediction import NOTICE, SavedNetwork, write_classes

    network = SavedNetwork.load(model)
    probabilities = network.predict(paths, on_note=lambda note: click.echo(note, err=True))
    width = max(len(str(path)) for path in paths)
    for path, row in zip(paths, probabilities, strict=True):
        best = int(row.argmax())
        click.echo(f"{path!s:<{width}}  {network.class_names[best]:<12} {row[best]:.4f}")
    if table is not None:
        write_classes(table, paths, probabilities, network.class_names)
    click.echo(NOTICE, err=True)


def _start_backend() -> None:
    """Loads Keras and lets its backend look for devices, without the notes that it writes meanwhile."""
    with quiet.held_stderr():
        from leukcnn.distribution import look_for_devices

        look_for_devices()


def _paper(name: str) -> Any:
    """Returns a paper by its key or file, all of whose names can be had."""
    from leukcnn.experiment.check import check_names

    # A file of one's own may load Keras.
    with quiet.held_stderr():
        found = papers.get(name)
        try:
            check_names(found)
        except SpecError as error:
            if not papers.is_file_name(name):
                raise
            raise SpecError(f"{name}: {error.found}", expected=error.expected, remedy=error.remedy) from error
    return found


def _data_option(data: str | None, names: Sequence[str]) -> str:
    """Returns the value of --data for some datasets: "synthetic", or a folder that is there."""
    from leukcnn.datasets import require_root
    from leukcnn.experiment.request import SYNTHETIC

    if not data:
        dataset = names[0] if len(names) == 1 else "NAME"
        message = "No data: --data is not given and LEUKCNN_DATA is not set."
        remedy = "pass --data DIR, or --data synthetic for synthetic cells"
        remedy += f"; `leukcnn datasets {dataset}` says where to get the real ones"
        raise DataError(message, expected="a folder with the dataset", remedy=remedy)
    if data != SYNTHETIC:
        require_root(names, data)
    return data


def _print_report(report: Any) -> None:
    from rich.console import Console

    from leukcnn.records import relative
    from leukcnn.rendering.renderings import to_rich

    console = Console(width=None if sys.stdout.isatty() else 160)
    record = report.record
    for table in report.tables:
        if len(table.rows) > 80:
            console.print(f"{table.title}: {len(table.rows)} rows, in {table.id}.csv below.\n")
        else:
            console.print(to_rich(table))
            console.print()
    console.print(to_rich(report.assumptions))
    for note in record.data_notes:
        console.print(f"Data: {note}", markup=False, highlight=False)
    if record.not_comparable:
        console.print(f"NOT COMPARABLE WITH THE PAPER: {record.not_comparable}", style="bold red")
    console.print(f"{len(report.files)} files in {relative(report.folder)}", markup=False, highlight=False)

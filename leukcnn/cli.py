"""The command line. Heavy libraries are imported inside the commands, so that `--help` is fast."""

import functools
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leukcnn import __version__, papers, quiet
from leukcnn.backend import start_backend
from leukcnn.command_group import Choice, Commands, Place
from leukcnn.datasets.headers import bound_decoder
from leukcnn.errors import DataError, StoreError
from leukcnn.fields import did_you_mean
from leukcnn.spec import MASKS, PRECISIONS, SPLIT_KINDS, UNKNOWN_SUBJECTS
from leukcnn.spec.metrics import MARGIN
from leukcnn.start import data_folder, download_dataset, find_paper, paper_lines

if TYPE_CHECKING:
    from leukcnn.experiment.report import Report

_DATA = click.option(
    "--data",
    metavar="DIR|synthetic",
    help="Folder of the data (the dataset's own or any above it), or 'synthetic' for synthetic cells. "
    "Default: the environment variable LEUKCNN_DATA.",
)
_OUT = click.option(
    "--out",
    metavar="DIRECTORY",
    type=Place(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs.",
)
_CLASSES = click.option(
    "--classes",
    multiple=True,
    metavar="FOLDER=CLASS",
    help="Class of a folder's images, if its name doesn't say it for certain.",
)
_ONLY = click.option("--only", metavar="table2|ROW", help="Only one table, figure or row.")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Reproduces papers on recognising leukaemia in blood-smear images.

    Start with: leukcnn reproduce cnmc2019 --data synthetic --profile smoke
    """
    quiet.set_variables()
    bound_decoder()
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows names in escape sequences.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@main.command("papers")
@click.argument("name", metavar="PAPER|FILE.py", required=False)
def list_papers(name: str | None) -> None:
    """Lists the papers, or shows one: profiles, rows and assumptions."""
    for key in papers.list_papers() if name is None else (name,):
        for line in paper_lines(papers.get(key) if name is None else find_paper(name)):
            click.echo(line)


@main.command()
@click.argument("name", required=False)
@click.option(
    "--download",
    metavar="DIR",
    type=Place(path_type=Path),
    help="Download it into this folder and check it.",
)
@click.option("--accept-licence", is_flag=True, help="Accept its licence, without being asked.")
@click.pass_context
def datasets(ctx: click.Context, name: str | None, download: Path | None, accept_licence: bool) -> None:
    """Lists the datasets, or shows one: classes, counts, source, licence, layouts."""
    from leukcnn.datasets import catalog

    if download is not None:
        if name is None:
            raise click.UsageError("--download needs the NAME of a dataset.")
        download_dataset(name, download, accepted=accept_licence, ask=click.confirm)
        ctx.invoke(check, name=name, data=str(download))
        return
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
@_CLASSES
def check(name: str, data: str | None, classes: tuple[str, ...]) -> None:
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault.
    """
    from leukcnn.datasets import CATALOG

    say = functools.partial(click.echo, err=True)
    is_paper = name not in CATALOG and (name in papers.list_papers() or papers.is_file_name(name))
    if not is_paper and name not in CATALOG:
        # The key of a paper with one dataset is that dataset's key.
        known = sorted({*CATALOG, *papers.list_papers()})
        raise DataError(
            f"There is no dataset and no paper named {name!r}.",
            expected=f"one of {', '.join(known)}, or a paper's file",
            remedy=did_you_mean(name, known) or "`leukcnn datasets` and `leukcnn papers` list them",
        )
    paper = find_paper(name) if is_paper else None
    names = paper.datasets if paper else (name,)
    place = data_folder(data, names)

    from leukcnn.datasets import verify
    from leukcnn.datasets.many import find_present
    from leukcnn.experiment import loading

    root = loading.data_folder(place, names, say=say, paper=paper)
    if len(names) > 1:
        here = find_present(names, root, classes=classes)
        for absent in (key for key in names if key not in here):
            click.echo(f"{absent}: not there")
        names = tuple(here)
    reports, unchecked = [], []
    for key in names:
        try:
            reports.append(verify(key, root, classes=classes, progress=loading.count_files(say)))
        except DataError as error:
            if len(names) == 1:
                raise
            unchecked.append(f"{key} can't be checked, and isn't searched for duplicates: {error}")
    click.echo("\n".join([*(line for report in reports for line in report.lines()), *unchecked]))
    if reports:
        # It loads scikit-learn, which an empty folder doesn't need.
        from leukcnn.duplicate_scan import scan_reports

        for line in scan_reports(reports, paper=paper).lines():
            click.echo(line)
    if unchecked or not all(report.ok for report in reports):
        sys.exit(1)


@main.command()
@click.argument("paper", metavar="PAPER|FILE.py")
@_DATA
@_OUT
@_ONLY
@click.option("--profile", default="paper", show_default=True, help="paper, or smoke for a quick look.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Root seed.")
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
@click.option("--split", type=Choice(SPLIT_KINDS), help="Kind of split instead of the paper's.")
@click.option(
    "--unknown-subjects",
    type=Choice(UNKNOWN_SUBJECTS),
    help="What a split by subject does with images of unknown subject.",
)
@click.option(
    "--datasets",
    metavar="NAME,NAME|open",
    help="Datasets instead of the paper's, or 'open' for those that anyone may download.",
)
@_CLASSES
@click.option(
    "--weights",
    metavar="FILE|DIR|none",
    help="What fine-tuned networks start from: a file, a folder of published files, or random weights.",
)
@click.option(
    "--base",
    metavar="scratch[=NAME]",
    help="Train a network from scratch in place of those that need published weights.",
)
@click.option("--mask", type=Choice(MASKS), help="Blank this part of every image, for the controls too.")
@click.option("--assume", multiple=True, metavar="NAME=VALUE", help="Override an assumption.")
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Same command, same bytes (on in the smoke profile).",
)
@click.option("--precision", type=Choice(PRECISIONS), help="Keras' dtype policy.")
@click.option(
    "--devices",
    metavar="all|N|cpu:N",
    help="Devices that share each batch. Their number is checked when the backend has started.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Threads that prepare batches; the result doesn't depend on them.",
)
@click.option(
    "--margin",
    metavar="POINTS",
    type=float,
    default=MARGIN,
    show_default=True,
    help="Percentage points within which a published and a measured value agree.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard's logs into the trials' folders.")
def reproduce(paper: str, **options: Any) -> None:
    """Trains a paper's networks and prints its tables, with published and measured values side by side.

    Finished trials are kept in --out and never computed again; interrupted ones continue after the last epoch
    that was saved.
    """
    from leukcnn import reproduction

    run = reproduction.reproduce(paper, **options)

    from leukcnn.experiment.estimate import describe_seconds

    if run.report is not None:
        _print_report(run.report)
        click.echo(describe_seconds(run.report.seconds))
        _exit_with([*_without_results(run.report), *run.report.faults])


@main.command()
@click.argument("paper", metavar="PAPER|FILE.py")
@_OUT
@_ONLY
@click.option(
    "--margin",
    metavar="POINTS",
    type=float,
    help="Another margin of agreement, kept with the runs, for all of their tables.",
)
@click.option("--verify", is_flag=True, help="Check the stored files and values instead; exit with 1.")
def table(paper: str, out: Path, only: str | None, margin: float | None, verify: bool) -> None:
    """Builds the tables and figures of finished runs again, without data and without training."""
    found = find_paper(paper)

    from leukcnn.experiment.request import check_margin, check_only
    from leukcnn.runs import Store

    check_only(found, only)
    if margin is not None:
        check_margin(margin)
        if only or verify:
            # The other tables would keep the earlier margin.
            raise click.UsageError(f"--margin is for all tables: leave out --{'only' if only else 'verify'}.")
    store, faults = Store(out, found.key), []
    folders = list(store.experiments())
    start_backend()

    from leukcnn.experiment.report import report, verify_report

    for folder in folders:
        # A run that can't be read, such as another version's, is named, and the others are shown.
        try:
            if verify:
                faults += verify_report(store, folder, found)
            else:
                done = report(store, folder, found, only=only, margin=margin)
                _print_report(done)
                faults += [*_without_results(done), *done.faults]
        except StoreError as error:
            faults.append(str(error))
    _exit_with(faults)
    if verify:
        click.echo("Every stored file is unchanged and gives the same tables.")


@main.command("audit")
@click.argument("paper", metavar="PAPER|FILE.py")
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON instead of tables.")
@click.option(
    "--out",
    metavar="DIR",
    type=Place(path_type=Path),
    help="Also write the tables into this folder: CSV, Markdown, LaTeX, text, HTML and audit.json.",
)
def audit_paper(paper: str, as_json: bool, out: Path | None) -> None:
    """Checks what a paper's printed values prove by themselves, without data.

    Each claim gets a verdict: consistent, impossible, unique solution, slip (with the corrected value) or
    undecidable.
    """
    from leukcnn.reproduction import audit

    done = audit(paper)
    files = done.write(out) if out is not None else []
    if as_json:
        click.echo(json.dumps(done.to_json(), indent=1))
        return

    from rich.console import Console

    from leukcnn.rendering.renderings import to_rich

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(to_rich(done.short_table))
    if done.not_covered:
        names = ", ".join(done.not_covered[:20]) + " ..." * (len(done.not_covered) > 20)
        console.print(f"Not checked: {names}", markup=False, highlight=False)
    if files:
        console.print(f"{len(files)} files in {out}", markup=False, highlight=False)


@main.command()
@click.argument("places", metavar="MODEL... IMAGES...", nargs=-1, required=True, type=Place(path_type=Path))
@click.option(
    "--out",
    type=Place(path_type=Path, dir_okay=False),
    metavar="FILE.csv|FILE.json",
    help="Also write a table, as CSV or JSON by its ending; an earlier one is replaced.",
)
@click.option(
    "--heatmaps",
    "heat_maps",
    type=Place(path_type=Path),
    metavar="DIR",
    help="Write a Grad-CAM overlay of each image into a new or empty folder.",
)
@_CLASSES
def predict(
    places: tuple[Path, ...], out: Path | None, heat_maps: Path | None, classes: tuple[str, ...]
) -> None:
    """Classifies images, or folders of images, with a trained network (a trial's model.keras).

    Several networks (a.keras b.keras IMAGES...) are an ensemble: their probabilities are averaged. If folders
    are named by class, metrics follow. Files that can't be used are listed, and the exit code is then 1.
    """
    from leukcnn import paths
    from leukcnn.datasets import class_words

    named, images = paths.split_models(places)
    if not images:
        raise click.UsageError("Missing argument 'IMAGES...': images, or folders of images.")
    given = class_words.given_classes(classes)
    models, files = paths.network_files(named), paths.list_images(images)
    if out is not None:
        paths.check_predictions_file(out, (*models, *files.paths))
    if heat_maps is not None:
        paths.check_new_folder(heat_maps, "--heatmaps")
    start_backend()

    from leukcnn.classification.command import Options, classify

    def warn(text: str) -> None:
        click.echo(text, err=True)

    options = Options(out=out, heat_maps=heat_maps, classes=given)
    if not classify(models, files, options, show=click.echo, warn=warn):
        sys.exit(1)


def _exit_with(faults: list[str]) -> None:
    """Shows faults, each once, and exits with 1 if there are any."""
    for fault in dict.fromkeys(faults):
        click.echo(fault, err=True)
    if faults:
        sys.exit(1)


def _without_results(report: "Report") -> list[str]:
    """Returns a line for each trial whose training diverged."""
    return [f"The training diverged, and has no result: {trial}" for trial in report.diverged]


def _print_report(report: "Report") -> None:
    from rich.console import Console

    from leukcnn.outputs.titles import NOT_COMPARABLE
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
    marks = (mark for table in report.tables for mark in table.every_mark)
    for mark in dict.fromkeys(mark for mark in marks if mark.startswith(NOT_COMPARABLE)):
        console.print(mark, style="bold red", markup=False, highlight=False)
    console.print(f"{len(report.files)} files in {relative(report.folder)}", markup=False, highlight=False)

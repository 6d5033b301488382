"""The command line. Heavy libraries are imported inside the commands, so that `--help` is fast."""

import contextlib
import io
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leukcnn import __version__, papers, quiet, signals
from leukcnn.argument_types import user_path
from leukcnn.backend import start_backend
from leukcnn.datasets.headers import bound_decoder
from leukcnn.errors import DataError, LeukCNNError, StoreError, shortened
from leukcnn.fields import did_you_mean
from leukcnn.spec import MASKS, PRECISIONS, SPLIT_KINDS
from leukcnn.start import data_folder, find_paper

if TYPE_CHECKING:
    from leukcnn.experiment.report import Report

# Key of the command's words in click's context, and the exit codes after SIGINT and SIGTERM.
_WORDS, _INTERRUPTED = "leukcnn.words", (130, 143)


class _Choice(click.Choice):
    """A choice of words; its error suggests the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the value if it is one of the words."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = did_you_mean(str(value), self.choices)
            message = f"{error.message} {hint[:1].upper()}{hint[1:]}".rstrip()
            raise click.BadParameter(message, ctx=ctx, param=param) from error


class _Place(click.Path):
    """A path that a file can have, with "~" expanded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path."""
        option = "" if param is None else param.opts[0]
        path = user_path(value, option if option.startswith("-") else "The path")
        return super().convert(path, param, ctx)


class _Commands(click.Group):
    """A group of commands that shows errors and interruptions as a message.

    The exit code is 1 after one of leukcnn's own errors, 130 after SIGINT (Ctrl-C) and 143 after SIGTERM.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the program."""
        try:
            return super().main(*args, **options)
        except SystemExit as end:
            if end.code in _INTERRUPTED and not args and not options:
                # What was half written is removed. Threads of Keras' backend would delay the end by seconds.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(int(end.code))
            raise
        except OSError as error:
            # Files have errors of their own, and click ends silently after a closed pipe, as by `| head`.
            if error.filename is not None:
                raise
            click.echo(f"Error: The output can't be written: {error.strerror}.", err=True)
            with contextlib.suppress(OSError, ValueError):
                # What is left in the buffer would fail again at the end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps the command's words, to show how an interrupted command goes on."""
        ctx.meta[_WORDS] = [*args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command."""
        # Names of files and symbols that the terminal's encoding lacks are escaped.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            with signals.raised():
                return super().invoke(ctx)
        except LeukCNNError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(1)
        except click.UsageError as error:
            raise click.UsageError(shortened(error.format_message()), ctx=error.ctx) from error
        except KeyboardInterrupt as error:
            kept = " ".join(getattr(error, "__notes__", ())) or "Nothing was changed."
            command = shlex.join([*(ctx.info_name or "leukcnn").split(), *ctx.meta[_WORDS]])
            click.echo(f"\nInterrupted. {kept} To go on: {command}", err=True)
            ctx.exit(signals.exit_code(error))


_DATA = click.option(
    "--data",
    metavar="DIR|synthetic",
    help="Folder of the data (the dataset's own or the one above it), or 'synthetic' for synthetic cells. "
    "Default: the environment variable LEUKCNN_DATA.",
)
_OUT = click.option(
    "--out",
    metavar="DIRECTORY",
    type=_Place(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs.",
)
_ONLY = click.option("--only", metavar="table2|ROW", help="Only one table, figure or row.")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
    from leukcnn.experiment.request import open_choice

    for key in papers.list_papers() if name is None else (name,):
        paper = papers.get(key) if name is None else find_paper(name)
        click.echo(f"{paper.key}: {paper.title}\n  {paper.authors}, {paper.citation}\n  Task: {paper.task}")
        click.echo(f"  Rows: {', '.join(row.id for row in paper.rows if not row.scratch_name)}")
        if paper.substitutes:
            click.echo(f"  Networks for --base scratch=NAME: {', '.join(paper.substitutes)}")
        if open_keys := open_choice(paper):
            click.echo(f"  Open datasets, for --datasets open: {', '.join(open_keys)}")
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
    """Verifies a dataset, or those of a paper that are in the folder; exits with 1 if something is wrong.

    Then lists images that occur twice, exactly or nearly. They are good to know of, but no fault.
    """
    from leukcnn.datasets import CATALOG

    def say(text: str) -> None:
        click.echo(text, err=True)

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

    from leukcnn.datasets import present, verify
    from leukcnn.experiment import loading

    root = loading.data_folder(place, names, say=say, paper=paper)
    if len(names) > 1:
        here = present(names, root)
        for absent in (key for key in names if key not in here):
            click.echo(f"{absent}: not there")
        names = tuple(here)
    reports = [verify(key, root, progress=loading.count_files(say)) for key in names]
    for report in reports:
        for line in report.lines():
            click.echo(line)
    if not reports:
        raise DataError(
            f"None of the datasets of {name} is below {root}.",
            expected="folders named after them (`leukcnn datasets`)",
            remedy="pass the folder above them as --data",
        )
    sound = [report.card.key for report in reports if report.ok]
    if sound:
        # It loads scikit-learn, which an empty folder doesn't need.
        from leukcnn.duplicate_scan import scan_folders

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
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions; by default the paper's number.")
@click.option("--split", type=_Choice(SPLIT_KINDS), help="Kind of split instead of the paper's.")
@click.option(
    "--datasets",
    metavar="NAME,NAME|open",
    help="Datasets instead of the paper's, or 'open' for those that anyone may download.",
)
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
@click.option("--mask", type=_Choice(MASKS), help="Blank this part of every image, for the controls too.")
@click.option("--assume", multiple=True, metavar="NAME=VALUE", help="Override an assumption.")
@click.option(
    "--deterministic/--no-deterministic",
    default=None,
    help="Same command, same bytes (on in the smoke profile).",
)
@click.option("--precision", type=_Choice(PRECISIONS), help="Keras' dtype policy.")
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
@click.option("--verify", is_flag=True, help="Check the stored files and values instead; exit with 1.")
def table(paper: str, out: Path, only: str | None, verify: bool) -> None:
    """Builds the tables and figures of finished runs again, without data and without training."""
    found = find_paper(paper)

    from leukcnn.experiment.request import check_only
    from leukcnn.runs import Store

    check_only(found, only)
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
                done = report(store, folder, found, only=only)
                _print_report(done)
                faults += [*_without_results(done), *done.faults]
        except StoreError as error:
            faults.append(str(error))
    _exit_with(faults)
    if verify:
        click.echo("Every stored file is unchanged and gives the same tables.")


@main.command()
@click.argument("model", type=_Place(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=_Place(path_type=Path))
@click.option(
    "--out",
    "table",
    type=_Place(path_type=Path, dir_okay=False),
    help="Also write a CSV file; an earlier one is replaced.",
)
def predict(model: Path, images: tuple[Path, ...], table: Path | None) -> None:
    """Classifies images, or folders of images, with a trained network (a trial's model.keras)."""
    from leukcnn.paths import check_predictions_file, find_images, network_file

    model, paths = network_file(model), find_images(images)
    if table is not None:
        check_predictions_file(table, (model, *paths))
    start_backend()

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

"""`leukcnn predict`."""

import sys
from pathlib import Path

import click

from leukcnn.backend import start_backend
from leukcnn.command_group import Place
from leukcnn.commands.options import CLASSES, with_output
from leukcnn.commands.printing import Output


@click.command()
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
@CLASSES
@with_output
def predict(
    places: tuple[Path, ...],
    out: Path | None,
    heat_maps: Path | None,
    classes: tuple[str, ...],
    output: Output,
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

    def fail(text: str) -> None:
        click.echo(text, err=True)

    options = Options(out=out, heat_maps=heat_maps, classes=given, quiet=output.quiet)
    output.document = classify(models, files, options, show=output.result, warn=output.note, fail=fail)
    if output.document["faults"]:
        sys.exit(1)

"""`leukcnn export`."""

from pathlib import Path

import click

from leukcnn.command_group import Choice, Place
from leukcnn.commands.options import with_output
from leukcnn.commands.printing import Output
from leukcnn.exporting.endings import ENDINGS


@click.command()
@click.argument("model", type=Place(path_type=Path))
@click.option(
    "--format", "format", type=Choice(tuple(ENDINGS)), default="onnx", show_default=True, help="Format."
)
@click.option(
    "--out",
    type=Place(path_type=Path),
    metavar="FILE",
    help="File to write, or folder of a SavedModel. Default: the network's name with the format's ending.",
)
@click.option(
    "--images",
    type=Place(path_type=Path),
    metavar="DIR",
    help="Images to check the file with, 32 of them; synthetic ones by default.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@with_output
def export(
    model: Path,
    format: str,
    out: Path | None,
    images: Path | None,
    force: bool,
    output: Output,
) -> None:
    """Writes a trained network (a trial's model.keras) as a file that other programs run without leukcnn.

    The file takes decoded images, uint8 (N, H, W, 3), RGB. It is run on 32 images, and kept only if its
    probabilities are those of leukcnn.
    """
    from leukcnn.exporting.export import export as export_network

    done = export_network(model, format=format, out=out, images=images, force=force)
    output.document = done.to_json()
    others = [done.description, *([done.model_card] if done.model_card else [])]
    output.result(f"{done.file}, with {', '.join(others)}")
    differences = f"largest difference of probabilities {done.largest_difference:.2g}"
    if done.largest_difference_resized is not None:
        differences += f", at the network's size {done.largest_difference_resized:.2g}"
    output.result(f"Run with {done.program} on {done.images} {done.given} images: {differences}.")

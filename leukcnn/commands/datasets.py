"""`leukcnn datasets`."""

from pathlib import Path

import click

from leukcnn import completion
from leukcnn.command_group import Place
from leukcnn.commands.check import check_data
from leukcnn.commands.options import with_output
from leukcnn.commands.printing import Output
from leukcnn.start import download_dataset


@click.command()
@click.argument("name", required=False, shell_complete=completion.dataset)
@click.option(
    "--download",
    metavar="DIR",
    type=Place(path_type=Path),
    help="Download it into this folder and check it.",
)
@click.option("--accept-licence", is_flag=True, help="Accept its licence, without being asked.")
@with_output
def datasets(name: str | None, download: Path | None, accept_licence: bool, output: Output) -> None:
    """Lists the datasets, or shows one: classes, counts, source, licence, layouts."""
    from leukcnn.commands.describing import wrapped
    from leukcnn.datasets import catalog

    if download is not None:
        if name is None:
            raise click.UsageError("--download needs the NAME of a dataset.")
        download_dataset(name, download, accepted=accept_licence, ask=click.confirm)
        check_data(name, str(download), (), output)
        return
    cards = [*catalog.CATALOG.values()] if name is None else [catalog.card(name)]
    output.document = {"datasets": [card.to_plain() for card in cards]}
    if name is not None and not output.quiet:
        for line in cards[0].lines():
            output.result(wrapped(line))
        return
    for card in cards:
        output.result(wrapped(f"{card.key}: {card.name}, {card.total:,} images, {', '.join(card.classes)}"))
        if not output.quiet:
            output.result(wrapped(f"    {card.availability}"))

"""`leukcnn datasets`."""

from pathlib import Path

import click

from leukcnn import completion
from leukcnn.command_group import Place
from leukcnn.commands.check import check
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

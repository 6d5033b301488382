"""`leukcnn list`."""

import json
import sys
from pathlib import Path

import click

from leukcnn.commands.options import OUT


@click.command("list")
@OUT
@click.option("--trials", is_flag=True, help="Also a line for each trial and control.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def list_runs(out: Path, trials: bool, as_json: bool) -> None:
    """Lists the runs in a folder: how many trials are finished, the best network, the size on disk."""
    from leukcnn import run_list

    runs = run_list.list_runs(out)
    if as_json:
        click.echo(json.dumps(run_list.to_json(runs, trials=trials), indent=1))
        return

    from rich.console import Console

    from leukcnn.rendering.renderings import to_rich

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(to_rich(run_list.run_table(runs)))
    if trials:
        console.print(to_rich(run_list.trial_table(runs)))

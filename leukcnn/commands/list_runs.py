"""`leukcnn list`."""

from pathlib import Path

import click

from leukcnn.commands.options import OUT, with_output
from leukcnn.commands.printing import Output, console


@click.command("list")
@OUT
@click.option("--trials", is_flag=True, help="Also a line for each trial and control.")
@with_output
def list_runs(out: Path, trials: bool, output: Output) -> None:
    """Lists the runs in a folder: how many trials are finished, the best network, the size on disk."""
    from leukcnn import run_list

    runs = run_list.list_runs(out)
    output.document = run_list.to_json(runs, trials=trials)
    if output.as_json:
        return

    from leukcnn.rendering.renderings import to_rich

    screen = console()
    screen.print(to_rich(run_list.run_table(runs)))
    if trials:
        screen.print(to_rich(run_list.trial_table(runs)))

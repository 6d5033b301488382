"""What all commands share: the types of their options, and how an error or an interruption ends them."""

import contextlib
import io
import json
import os
import shlex
import sys
from typing import Any

import click
import click.shell_completion

from leukcnn import completion, signals
from leukcnn.argument_types import user_path
from leukcnn.errors import LeukCNNError, shortened
from leukcnn.fields import did_you_mean

# Key of the command's words in click's context, and the exit codes after SIGINT and SIGTERM.
_WORDS, _INTERRUPTED = "leukcnn.words", (130, 143)


class Choice(click.Choice):
    """A choice of words; its error suggests the nearest one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the value if it is one of the words."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            hint = did_you_mean(str(value), self.choices)
            message = f"{error.message} {hint[:1].upper()}{hint[1:]}".rstrip()
            raise click.BadParameter(message, ctx=ctx, param=param) from error


class Place(click.Path):
    """A path that a file can have, with "~" expanded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the path."""
        option = "" if param is None else param.opts[0]
        path = user_path(value, option if option.startswith("-") else "The path")
        return super().convert(path, param, ctx)


class Commands(click.Group):
    """A group of commands that shows errors and interruptions as a message.

    The exit code is 1 after one of leukcnn's own errors, 130 after SIGINT (Ctrl-C) and 143 after SIGTERM.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Runs the program, or completes a command for the shell."""
        for shell in (completion.Bash, completion.Fish):
            click.shell_completion.add_completion_class(shell)
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
            if not _print_as_json(ctx, error.found, error.expected, error.remedy):
                click.echo(f"Error: {error}", err=True)
            ctx.exit(1)
        except click.UsageError as error:
            message, usage = shortened(error.format_message()), error.ctx or ctx
            if _print_as_json(ctx, message, usage.get_usage(), f"{usage.command_path} --help"):
                ctx.exit(error.exit_code)
            raise click.UsageError(message, ctx=error.ctx) from error
        except KeyboardInterrupt as error:
            kept = " ".join(getattr(error, "__notes__", ())) or "Nothing was changed."
            command = shlex.join([*(ctx.info_name or "leukcnn").split(), *ctx.meta[_WORDS]])
            if not _print_as_json(ctx, f"Interrupted. {kept}", "", f"To go on: {command}"):
                click.echo(f"\nInterrupted. {kept} To go on: {command}", err=True)
            ctx.exit(signals.exit_code(error))


def _print_as_json(ctx: click.Context, found: str, expected: str, remedy: str) -> bool:
    """Prints an error as the command's document; returns False if the command wasn't asked for JSON."""
    # The option may not have been parsed when the error was raised.
    if "--json" not in ctx.meta[_WORDS]:
        return False
    click.echo(json.dumps({"error": {"found": found, "expected": expected, "remedy": remedy}}, indent=1))
    return True

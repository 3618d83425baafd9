"""Registers the commands, and is the one boundary where errors become messages and exit codes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from ours_cli import __version__
from ours_cli.commands import backfill, batch, identify, sandbox, track
from ours_cli.console import Console
from ours_cli.errors import ExitCode, LocalIOError, OursError, UsageError
from ours_cli.options import grouped
from ours_cli.suggest import nearest

app = typer.Typer(
    name="ours",
    help="Send and backfill events to the Ours Privacy Ingest API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ours {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Send and backfill events to the Ours Privacy Ingest API."""


def _register(command: Callable[..., int], name: str) -> None:
    app.command(name)(exiting(grouped(command)))


def exiting(command: Callable[..., int]) -> Callable[..., None]:
    """Hand a command's exit code to Typer, keeping the signature that Typer reads its options from."""

    def run(**values: object) -> None:
        raise typer.Exit(command(**values))

    for name in ("__name__", "__doc__", "__module__", "__signature__", "__annotations__"):
        setattr(run, name, getattr(command, name))
    return run


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; the one boundary where errors become messages.

    Files made meanwhile are their owner's alone.
    """
    os.umask(0o077)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks is shown escaped; it must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console()
    try:
        code = app(args=arguments, prog_name="ours", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except typer.TyperException as error:
        return _fail(console, _usage(error))
    except OursError as error:
        return _fail(console, error)
    except (KeyboardInterrupt, typer.Abort):
        return int(ExitCode.SIGINT)
    except BrokenPipeError:
        return _closed_stdout()
    except SystemExit as error:
        # Typer makes an exit with 1 of a broken pipe.
        if isinstance(error.__context__, BrokenPipeError):
            return _closed_stdout()
        raise
    except OSError as error:
        _forget_stdout()
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return _fail(console, LocalIOError(f"the result cannot be written: {reason}"))
    except Exception as error:
        return _fail(console, _bug(error))


def _fail(console: Console, error: OursError) -> int:
    console.error(error)
    return int(error.exit_code)


def _bug(error: Exception) -> OursError:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "an unknown place"
    return OursError(f"a bug in ours: {type(error).__name__} at {where}", hint="please report this line")


def _closed_stdout() -> int:
    _forget_stdout()
    return int(ExitCode.SIGPIPE)


def _forget_stdout() -> None:
    """Point stdout at nothing, so that Python's own flush at exit does not complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: typer.TyperException) -> OursError:
    """Typer's own complaints, with a hint in the house's form."""
    possibilities = getattr(error, "possibilities", None)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ours"
    message = error.format_message().partition(" Did you mean")[0].partition(" (Possible")[0]
    hint = f"{path} --help lists the flags"
    if possibilities:
        hint = f"did you mean {' or '.join(sorted(possibilities))}?"
    elif message.startswith("No such command"):
        typed = message.split("'")[1] if "'" in message else ""
        close = nearest(typed, COMMANDS)
        hint = f"did you mean 'ours {close}'?" if close else f"the commands are {', '.join(COMMANDS)}"
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hint=hint)


COMMANDS = ("track", "identify", "batch", "backfill", "sandbox")

_register(track.track, "track")
_register(identify.identify, "identify")
_register(batch.batch, "batch")
_register(backfill.backfill, "backfill")
_register(sandbox.sandbox, "sandbox")

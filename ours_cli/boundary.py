"""The one boundary where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from traceback import walk_tb
from typing import Any

import typer
import typer.main

from ours_cli.app import COMMANDS, app
from ours_cli.console import Console, forget, unwritten_result
from ours_cli.errors import ExitCode, LocalIOError, OursError, reason
from ours_cli.process.standard_streams import for_people

# `typer.TyperException`; before 0.27.2 Typer has no public name for it.
_TyperError: Any = typer.BadParameter.__mro__[2]


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    Files created meanwhile can be read by their owner only.
    """
    os.umask(0o077)
    for_people(sys.stdout)
    console = Console()
    _prepare_completion(arguments)
    try:
        code = app(args=arguments, prog_name="ours", standalone_mode=False)
        console.end()
        return int(code or 0)
    except _TyperError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            console.note(error.format_message())
            return int(ExitCode.USAGE)
        from ours_cli.cli.usage_errors import usage_error

        return _fail(console, usage_error(error, COMMANDS, arguments), arguments)
    except OursError as error:
        return _fail(console, error, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return int(ExitCode.SIGINT)
    except BrokenPipeError:
        return _closed_stdout()
    except SystemExit as error:
        # Typer turns a broken pipe into exit code 1.
        if isinstance(error.__context__, BrokenPipeError):
            return _closed_stdout()
        raise
    except OSError as error:
        return _fail(console, _local_io(error), arguments)
    except Exception as error:
        return _fail(console, _bug(error), arguments)


def _prepare_completion(arguments: list[str]) -> None:
    asked = os.environ.get("_OURS_COMPLETE")
    if asked == "complete_bash":
        from ours_cli.cli.bash_words import join_flag_values

        join_flag_values()
    elif asked == "source_zsh" or {"--install-completion", "--show-completion"}.intersection(arguments):
        import typer._completion_classes
        import typer._completion_shared

        from ours_cli.cli.zsh_script import ZSH_SCRIPT

        template = ZSH_SCRIPT.replace("%", "%%")
        typer._completion_classes.ZshComplete.source_template = template
        typer._completion_shared._completion_scripts["zsh"] = template


def _fail(console: Console, error: OursError, arguments: list[str]) -> int:
    try:
        from ours_cli.cli.failed_result import SENDING, tell_failure

        if arguments and arguments[0] in SENDING:
            tell_failure(arguments[0], _flags(arguments), error, console)
    finally:  # another Ctrl-C in there must not cost the word about the first
        console.error(error)
    return int(error.exit_code)


def _flags(arguments: list[str]) -> dict[str, Any]:
    """The flags of a command line that failed, as far as they can be read."""
    name, *words = arguments
    group: Any = typer.main.get_command(app)
    command = group.get_command(None, name)
    context = command.make_context(name, words, resilient_parsing=True, ignore_unknown_options=True)
    flags: dict[str, Any] = context.params
    return flags


def _bug(error: Exception) -> OursError:
    *_, (frame, line) = walk_tb(error.__traceback__)
    where = f"{frame.f_globals.get('__name__')}:{line}"
    return OursError(f"a bug in ours: {type(error).__name__} at {where}", hint="please report this line")


def _local_io(error: OSError) -> OursError:
    """The error for an `OSError` that nothing nearer to it has turned into one."""
    if any(frame.f_code is typer.echo.__code__ for frame, _ in walk_tb(error.__traceback__)):
        forget(sys.stdout)
        return unwritten_result(error)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        # Named is the file that was to be opened next, which may be a module of Python's.
        return LocalIOError("too many files are open", hint="ulimit -n 1024, if a limit of this shell is why")
    if error.filename is None:
        return LocalIOError(
            f"the system refuses to go on: {reason(error)}", hint="ours doctor looks at this machine"
        )
    return LocalIOError(
        f"{os.fsdecode(error.filename)} cannot be used: {reason(error)}", hint="name another path"
    )


def _closed_stdout() -> int:
    forget(sys.stdout)
    return int(ExitCode.SIGPIPE)

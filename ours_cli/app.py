"""Registers the commands, each loaded only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, ClassVar, Final

import typer
import typer.core
import typer.main
from typer.core import TyperCommand, TyperGroup

from ours_cli import __version__
from ours_cli.cli.option_groups import grouped
from ours_cli.cli.unset_variables import refuse_unset_values
from ours_cli.errors import UsageError
from ours_cli.process.signals import interruptible, letting_signals_kill
from ours_cli.topics import TOPICS

COMMANDS: Final = {
    "track": "Send one event, now.",
    "identify": "Set properties of a visitor, or of every visitor in a file.",
    "batch": "Send rows shaped like /track, from NDJSON or a JSON array.",
    "backfill": "Send the rows of an export as events, with their original times, each once.",
    "inspect": "Show what is in a file and propose a mapping; sends nothing.",
    "runs": "List, show, resume and delete runs, or merge the shards of one.",
    "sandbox": "Run a local Ingest API that follows the contract exactly, until Ctrl-C.",
    "doctor": "Check token, network and clock, compare the live API with what ours knows, and rehearse.",
    "help": "Show a help topic, or the flags of a command.",
}
"""Every command and the first line of its help."""


class _Command(TyperCommand):
    """A command whose help shows its options in groups; `titles` has each group's title by parameter."""

    titles: ClassVar[dict[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer does, but never take what an unset shell variable leaves for a value."""
        if not ctx.resilient_parsing:
            options = (param for param in self.get_params(ctx) if param.param_type_name == "option")
            refuse_unset_values(options, args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then the command's own options, then the groups in their order."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is None:
                continue
            if param.param_type_name == "argument":
                sections["Arguments"].append(record)
            else:
                sections.setdefault(self.titles.get(str(param.name), "Options"), []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class _Commands(TyperGroup):
    """Loads a command's module only when that command is asked for: start-up is a feature."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        with letting_signals_kill():
            command = getattr(import_module(f"ours_cli.commands.{cmd_name}"), cmd_name)
        alone = typer.Typer(**_STYLE)
        one = grouped(command)
        look: Any = type("_OneCommand", (_Command,), {"titles": getattr(one, "titles")})  # noqa: B009
        alone.command(cmd_name, cls=look)(one)
        return typer.main.get_command(alone)

    def invoke(self, ctx: Any) -> Any:
        """As Typer does, but for signals: they are reported as any other error is."""
        with interruptible():
            return super().invoke(ctx)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands that begin with this text: a TAB must not load them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        item: Any = getattr(typer.core, "CompletionItem")  # noqa: B009 - not among Typer's exports
        return [item(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_STYLE: Final[dict[str, Any]] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "pretty_exceptions_show_locals": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}

app = typer.Typer(
    name="ours",
    cls=_Commands,
    help="Send and backfill events to the Ours Privacy Ingest API.",
    epilog=f"Help topics (ours help TOPIC): {', '.join(TOPICS)}.",
    no_args_is_help=True,
    **{**_STYLE, "add_completion": True},
)


def _version(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        typer.echo("\n".join(_versions() if ctx.params["verbose"] else [f"ours {__version__}"]))
        raise typer.Exit


def _versions() -> list[str]:
    """What a bug report needs: the versions of this program, of Python and of the dependencies."""
    import platform
    from importlib.metadata import version

    return [
        f"ours {__version__}",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        *(f"{name} {version(name)}" for name in _DEPENDENCIES),
    ]


_DEPENDENCIES: Final = ("typer", "rich", "httpx", "orjson", "python-dateutil")


@app.callback()
def _main(
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, help="Show the version.")
    ] = False,
    # Eager, so that --version sees it in either order.
    verbose: Annotated[
        bool,
        typer.Option(
            "-v", "--verbose", is_eager=True, help="With --version: also Python and the dependencies."
        ),
    ] = False,
) -> None:
    """Send and backfill events to the Ours Privacy Ingest API."""
    if verbose:
        raise UsageError("-v before a command goes with --version only", hint="ours COMMAND -v")

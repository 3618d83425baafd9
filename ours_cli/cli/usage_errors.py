"""What Typer finds wrong with a command line, in the house's form: with a hint, and no stray text repeated.

A stray argument is most often part of a row: a shell variable without quotes in a loop. So a text is shown
only where a flag or a choice was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ours_cli.errors import UsageError
from ours_cli.wording.suggest import did_you_mean, nearest

_FLAG_LIKE: Final = re.compile(r"-?(-[a-z0-9]+)+")
_QUOTES: Final = 'a text with spaces wants quotes, a variable too: "$name"'


def usage_error(error: Any, commands: Iterable[str], typed: Sequence[str]) -> UsageError:
    """An error of Typer's in the house's form; `commands` are the valid names, `typed` all words."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ours COMMAND"
    message = error.format_message().partition(" Did you mean")[0].partition(" (Possible")[0]
    if message.startswith("Got unexpected extra"):
        hint = _without_flag(message, context) or _QUOTES
        return UsageError(f"{path} takes {_taken(context)}, and there is more", hint=hint)
    if (name := getattr(error, "option_name", None)) and message.startswith("No such option"):
        return _misplaced(name, context) or _no_such_option(name, _meant(name, error, typed), path)
    if message.startswith("No such command"):
        return _no_such_command(message.partition("'")[2].rpartition("'")[0], list(commands))
    message = message.replace("not a valid int range", "not a whole number")
    message = message.replace("not a valid integer", "not a whole number")
    message = message.replace("not a valid float", "not a number")
    hint = f"{path} --help lists the flags"
    choices = getattr(getattr(getattr(error, "param", None), "type", None), "choices", None)
    if choices and "' is not one of" in message:
        words = [str(getattr(choice, "value", choice)) for choice in choices]
        wrong = message.partition("' is not one of")[0].rpartition("'")[2]
        hint = did_you_mean(wrong, words, f"one of {', '.join(words)}", form="{}")
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hint=hint)


def no_token_flag(name: str = "--token") -> UsageError:
    """The error for `--token VALUE` and its like, wherever it is typed; the value is not looked at."""
    return UsageError(
        f"there is no {name}: a key on the command line stands in `ps` and in the shell's history",
        hint="export OURS_PRIVACY_TOKEN=..., or --token-file PATH, or token_command in the config",
    )


def _taken(context: Any) -> str:
    """What a command takes apart from flags: `EVENT only`, or `no argument`."""
    taken = _arguments(context)
    return f"{' '.join(taken)} only" if taken else "no argument"


def _arguments(context: Any) -> list[str]:
    return [
        parameter.make_metavar(ctx=context)
        for parameter in context.command.params
        if parameter.param_type_name == "argument"
    ]


_ASSIGNMENT: Final = re.compile(r"(?:([a-z_]\w{,39})|[^\s=:]+)(:?=)[^\s=)]", re.ASCII | re.IGNORECASE)
"""What begins like `NAME=TEXT`; not what ends in `=`, as keys and tokens may."""


def flag_of_property(stray: str, flag: str) -> str | None:
    """The hint for a property typed as httpie takes it; of its text, only what is surely a name is shown."""
    assigned = _ASSIGNMENT.match(stray)
    return assigned and f"properties go with {flag}: {flag} {assigned[1] or 'NAME'}{assigned[2]}..."


def _without_flag(message: str, context: Any) -> str | None:
    stray = message.partition(" (")[2]
    return flag_of_property(stray, "-p") if "-p" in _flags_of(context.command) else None


_TOKEN_FLAGS: Final = ("--token", "--api-key", "--apikey", "--key", "--write-key", "--secret")


def _misplaced(name: str, context: Any) -> UsageError | None:
    """The error for a flag that exists, but not where it was typed."""
    if name in _TOKEN_FLAGS:
        return no_token_flag(name)
    if context is None or context.parent is not None or name not in _flags_of_commands(context):
        return None
    return UsageError(f"{name} before a command is no flag", hint=f"ours COMMAND {name}")


def _flags_of_commands(context: Any) -> set[str]:
    """The flags of all commands; each command is loaded, which only one that fails waits for."""
    group = context.command
    commands = [group.get_command(context, name) for name in group.list_commands(context)]
    return {flag for command in commands for flag in _flags_of(command)}


def _flags_of(command: Any) -> set[str]:
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}


_AN_ID: Final = re.compile(
    r"--(?!ext|dist)(.*[-_])?(u?id|.*(user|person|customer|client|patient)([-_]?id)?)", re.IGNORECASE
)
"""Names of flags for an id, whosever: most are spelled rather like `--user-id`, which is seldom meant."""


_ALSO_CALLED: Final = {
    **dict.fromkeys(("--timestamp", "--date", "--at"), "--time"),
    **dict.fromkeys(("--timezone", "--time-zone", "--zone"), "--tz"),
    **dict.fromkeys(("--url", "--endpoint", "--host", "--api", "--server"), "--base-url"),
    **dict.fromkeys(("--sep", "--separator", "--delim"), "--delimiter"),
    **dict.fromkeys(("--jobs", "--processes", "--threads"), "--workers"),
    **dict.fromkeys(("--parallel", "--parallelism"), "--concurrency"),
    **dict.fromkeys(("--head", "--rows", "--max-rows"), "--limit"),
    **dict.fromkeys(("--silent", "--no-output"), "--quiet"),
    **dict.fromkeys(("--traits", "--user-properties", "--set"), "-u"),
    **dict.fromkeys(("--data-binary", "--body", "--payload"), "--data"),
    "--json": "-o json",
}
"""Flags of other tools, and what they are called here."""


def _meant(name: str, error: Any, typed: Sequence[str]) -> str | None:
    """What was meant by a flag that the command does not have, if that is likely."""
    flags = _flags_of(error.ctx.command) if error.ctx is not None else set()
    arguments = _arguments(error.ctx) if error.ctx is not None else ()
    for argument in (each.strip("[].") for each in arguments):
        if argument.lower() == name.strip("-").removesuffix("s"):
            return f"it stands without a flag: {error.ctx.command_path} {argument}"
    if "--external-id" in flags and _AN_ID.fullmatch(name):
        event = ", --distinct-id the event's own" if "--distinct-id" in flags else ""
        return f"--external-id is your own id of the person, --user-id the Ours visitor id{event}"
    if (ours := _ALSO_CALLED.get(name)) is not None and ours.partition(" ")[0] in flags:
        return f"here it is {ours}"
    # Of `-external-id` the parser tells its first letter only.
    whole = (f"-{word.partition('=')[0]}" for word in typed if len(name) == 2 and word.startswith(name))
    close = next(filter(flags.__contains__, whole), None) or nearest(name, error.possibilities or ())
    return f"did you mean {close}?" if close else None


def _no_such_option(name: str, meant: str | None, path: str) -> UsageError:
    hint = meant or f"{path} --help lists the flags"
    if not _FLAG_LIKE.fullmatch(name):
        return UsageError("an argument begins with - and is no flag", hint=f"{hint}; {_QUOTES}")
    return UsageError(f"no such option: {name}", hint=hint)


def _no_such_command(name: str, commands: Sequence[str]) -> UsageError:
    return UsageError(
        "there is no such command",
        hint=did_you_mean(name, commands, f"the commands are {', '.join(commands)}", form="'ours {}'"),
    )

"""`ours help [TOPIC]`: topics that ship with the program, and the flags of a command."""

from __future__ import annotations

from typing import Annotated

import typer

from ours_cli.cli.completion import topic as topics
from ours_cli.console import Console
from ours_cli.errors import UsageError
from ours_cli.topics import TOPICS, topic
from ours_cli.wording.suggest import did_you_mean


def help(  # noqa: A001 - the module and the function bear the command's name
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC]", help="A topic or a command; default: a list of them.", autocompletion=topics
        ),
    ] = None,
) -> int:
    """Show a help topic, or the flags of a command.

    ours help templates
    """
    from ours_cli import app, boundary

    if not words:
        width = max(map(len, TOPICS)) + 2
        lines = [f"  {one:<{width}}{about}" for one, about in TOPICS.items()]
        commands = ["Commands (ours help COMMAND):", f"  {' '.join(app.COMMANDS)}"]
        Console().result("\n".join(["Topics (ours help TOPIC):", *lines, "", *commands]))
        return 0
    name, *more = words
    if name in app.COMMANDS:
        # Whatever follows, such as `merge` behind `runs`, is explained there.
        return boundary.run([name, "--help"])
    if name not in TOPICS:
        raise UsageError(
            f"there is no topic {name!r}",
            hint=did_you_mean(
                name, [*TOPICS, *app.COMMANDS], f"the topics are {', '.join(TOPICS)}", form="'ours help {}'"
            ),
        )
    if more:
        raise UsageError(f"help shows one topic, and there is more after {name!r}", hint=f"ours help {name}")
    Console().result(topic(name).rstrip("\n"))
    return 0

"""Writes `completions/ours.1` from the program and its topics: `python tests/make_manpage.py`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import typer.main

from ours_cli.app import COMMANDS, app
from ours_cli.topics import TOPICS, topic

PAGE = Path(__file__).resolve().parents[1] / "completions" / "ours.1"


def manpage() -> str:
    """The page in roff (man macros): commands with their flags, then every topic."""
    group: Any = typer.main.get_command(app)
    lines = [
        '.\\" made by tests/make_manpage.py',
        '.TH OURS 1 "" "ours" "User Commands"',
        ".SH NAME",
        "ours \\- send and backfill events to the Ours Privacy Ingest API",
        ".SH SYNOPSIS",
        ".B ours",
        "\\fICOMMAND\\fP [\\fIARGUMENT\\fP...] [\\fIFLAG\\fP...]",
        ".SH COMMANDS",
    ]
    for name, summary in COMMANDS.items():
        lines += [".TP", f".B ours {roff(name)}", inline(summary)]
    for name in COMMANDS:
        lines += _command(name, group.get_command(None, name))
    for name in TOPICS:
        lines += _topic(topic(name))
    lines += [
        ".SH SEE ALSO",
        "The README of ours\\-cli has the full reference; \\fBours help\\fP lists the topics.",
    ]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> list[str]:
    lines = [f'.SH "OURS {roff(name.upper())}"']
    first, _, rest = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("\n")
    lines += [inline(first)]
    if rest.strip():
        lines += _code([f"    {line}" for line in rest.strip().splitlines()])
    for param in command.params:
        if getattr(param, "hidden", False):
            continue
        flags = sorted((*param.opts, *param.secondary_opts), key=len)
        is_flag = getattr(param, "is_flag", True)
        shown = roff(str(param.metavar or param.human_readable_name))
        if param.param_type_name == "argument":
            head = f"\\fI{shown}\\fP"
        else:
            value = "" if is_flag else f" \\fI{_value(param)}\\fP"
            head = ", ".join(f"\\fB{roff(flag)}\\fP" for flag in flags) + value
        lines += [".TP", head, inline(param.help or "")]
    return [*lines, ".TP", "\\fB\\-h\\fP, \\fB\\-\\-help\\fP", "The flags."]


def _value(param: Any) -> str:
    choices = getattr(param.type, "choices", None)
    return roff(str(param.metavar or ("|".join(map(str, choices)) if choices else "TEXT")))


def _topic(markdown: str) -> list[str]:
    """Headings, paragraphs, bullets and indented code: all that a topic may hold."""
    lines: list[str] = []
    for block in re.split(r"\n{2,}", markdown.strip("\n")):
        rows = block.splitlines()
        if rows[0].startswith("# "):
            lines.append(f'.SH "{roff(rows[0][2:].upper())}"')
        elif rows[0].startswith("## "):
            lines.append(f'.SS "{roff(rows[0][3:])}"')
        elif rows[0].startswith("    "):
            lines += _code(rows)
        elif rows[0].startswith("- "):
            for bullet in re.split(r"^- ", block, flags=re.MULTILINE)[1:]:
                lines += [".IP \\(bu 2", *(inline(row.strip()) for row in bullet.splitlines())]
        else:
            lines += [".PP", *map(inline, rows)]
    return lines


def _code(rows: list[str]) -> list[str]:
    return [".PP", ".nf", *(_guarded(roff(row)) for row in rows), ".fi"]


def inline(text: str) -> str:
    """One line of running text: `code` and **strong** in bold."""
    parts = re.split(r"`([^`]*)`|\*\*([^*]*)\*\*", text)
    plain, code, strong = parts[0::3], parts[1::3], parts[2::3]
    written = [roff(plain[0])]
    for one, two, after in zip(code, strong, plain[1:], strict=True):
        written += [f"\\fB{roff(one if one is not None else two)}\\fP", roff(after)]
    return _guarded("".join(written))


def roff(text: str) -> str:
    """Text as roff takes it: backslashes, hyphens that are typed, and quotes as they stand."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")


def _guarded(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    PAGE.write_text(manpage(), "utf-8")

"""Writes `tests/messages.txt`, every message that the program can print: `python tests/make_messages.py`.

They are read from the source: what the errors, findings, rejects and warnings are made with. What is filled
in stands in braces, as in the source; a message that is made elsewhere stands at that place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "ours_cli"
FILE = Path(__file__).with_name("messages.txt")

_ERROR = re.compile(r"[A-Z]\w*Error|_unwritable")
_OTHER = {
    "warn": "warning",
    "note": "note",
    "note_once": "note",
    "detail": "detail",
    "Failure": "reason",
    "Again": "reason",
    "Nonsense": "reason",
    "Broken": "error",
    "Violation": "reject",
    "Problem": "reject",
    "TimeProblem": "reject",
    "JsonProblem": "reject",
    "FilterProblem": "reject",
    "Reject": "reject",
    "Malformed": "reject",
    "Finding": "finding",
    "BadParameter": "error",
}


def messages() -> str:
    """The whole list: a section per module, in the order of the source."""
    sections = []
    for path in sorted(ROOT.rglob("*.py")):
        if "sandbox" in path.relative_to(ROOT).parts[:-1]:
            continue  # the sandbox's answers are the API's words, not the program's
        lines = list(dict.fromkeys(_found(ast.parse(path.read_text("utf-8")))))
        if lines:
            sections.append("\n".join([f"[{path.relative_to(ROOT).as_posix()}]", *lines]))
    return "\n\n".join(sections) + "\n"


def _found(tree: ast.AST) -> Iterator[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        kind = "error" if _ERROR.fullmatch(name) else _OTHER.get(name)
        if kind is None:
            continue
        texts = [text for argument in call.args for text in _texts(argument) if " " in text]
        for position, text in enumerate(texts):
            yield f"{'hint' if position and kind in ('error', 'finding') else kind}: {text}"
        for keyword in call.keywords:
            if keyword.arg == "hint":
                yield from (f"hint: {text}" for text in _texts(keyword.value))


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be, as far as they are written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.replace("\n", "\\n")
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(_value(part))}}}"
            for part in node.values
        ).replace("\n", "\\n")
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "did_you_mean":
        forms = [text for keyword in node.keywords for text in _texts(keyword.value)]
        yield f"did you mean {(*forms, '{}')[0].replace('{}', '{close}')}?"
        yield from _texts(node.args[2])


def _value(part: ast.expr) -> ast.expr:
    return part.value if isinstance(part, ast.FormattedValue) else part


if __name__ == "__main__":
    FILE.write_text(messages(), "utf-8")

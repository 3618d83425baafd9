"""Pure: a request → the curl command that makes it, with the token as a variable of the shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from ours_cli.exact_json import read_json
from ours_cli.wording.escape import json_text, printable


def curl_command(url: str, variable: str, body: bytes, *, timeout: float, ca_file: Path | None) -> str:
    """The command for a POSIX shell that posts `body` (a JSON object, without the token) to `url`.

    The token goes through the shell's own `printf` into curl's standard input, never into an argument, which
    `ps` would show. `timeout` is in seconds.
    """
    text = body.decode()
    if printable(text) != text:
        text = json_text(read_json(text))
    words = ["curl", "-sS", "--max-time", f"{timeout:g}", "-H", "Content-Type: application/json"]
    if ca_file is not None:
        words += ["--cacert", str(ca_file)]
    return (
        f"""printf '{{"token":"%s",%s' "${variable}" {shlex.quote(text.removeprefix("{"))} |\n"""
        f"  {shlex.join([*words, '--data-binary', '@-', url])}"
    )

"""Writes `completions/` from the program itself: `python tests/make_completions.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "completions"
SHELLS = {"ours.bash": "bash", "_ours": "zsh", "ours.fish": "fish", "ours.ps1": "powershell"}
"""File in `completions/` → the shell it is for."""


def script_for(shell: str) -> str:
    """The completion script that `ours` gives for a shell, by Typer's own protocol."""
    done = subprocess.run(
        [sys.executable, "-m", "ours_cli"],
        env={**os.environ, "_OURS_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # zsh looks for #compdef on the very first line, and Typer begins with an empty one.
    return done.stdout.strip() + "\n"


if __name__ == "__main__":
    for name, shell in SHELLS.items():
        (FOLDER / name).write_text(script_for(shell), "utf-8")

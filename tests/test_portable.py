"""Every module can be imported where there is no POSIX: on Windows, start-up does not crash."""

from __future__ import annotations

import subprocess
import sys

_IMPORT_ALL = """
import importlib, pkgutil, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
import os, signal
for name in ("O_NOFOLLOW", "fchmod", "fork", "getuid", "geteuid", "get_blocking"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGPIPE", "SIGALRM", "SIGUSR1"):
    delattr(signal, name)
import ours_cli
for module in pkgutil.walk_packages(ours_cli.__path__, "ours_cli."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("imported")
"""


def test_every_module_imports_without_posix() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "imported\n", done.stderr

"""`python -m ours_cli` and the `ours` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _leave_no_core()
    from ours_cli.app import run

    sys.exit(run(sys.argv[1:]))


def _leave_no_core() -> None:
    """A core dump would hold the token and health records."""
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    main()

"""`python -m ours_cli` and the `ours` command."""

from __future__ import annotations

import sys

from ours_cli.garbage import end_without, start_without
from ours_cli.standard_streams import stand_in


def main() -> None:
    """Run the command line and exit with its code."""
    start_without()
    stand_in()
    _leave_no_core()
    from ours_cli.boundary import run
    from ours_cli.signals import exit_on_sigterm

    exit_on_sigterm()
    code = run(sys.argv[1:])
    end_without()
    sys.exit(code)


def _leave_no_core() -> None:
    """A core dump would hold the token and health records."""
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    main()

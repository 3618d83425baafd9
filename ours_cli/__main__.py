"""`python -m ours_cli` and the `ours` command."""

# Without the `__future__` import of other modules: until `main` runs, Ctrl-C prints where Python was.
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _leave_sigint_to_the_system()
    # Imported from here on: until then Ctrl-C would print where in its imports Python was.
    from ours_cli.process.memory import collect_rarely_at_start, skip_last_collection

    collect_rarely_at_start()
    from ours_cli.process.core_dumps import limit_cores
    from ours_cli.process.standard_streams import prepare_streams

    prepare_streams()
    limit_cores()
    from ours_cli.boundary import run
    from ours_cli.process.signals import with_exit_codes

    code = with_exit_codes(lambda: run(sys.argv[1:]))
    skip_last_collection()
    sys.exit(code)


def _leave_sigint_to_the_system() -> None:
    """Let Ctrl-C kill the start, without a word, unless it is ignored."""
    # Python has it loaded; the module `signal` around it takes milliseconds, in which Ctrl-C would be loud.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


if __name__ == "__main__":
    main()

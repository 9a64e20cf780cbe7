"""The command `opentracker`, and `python -m opentracker`."""

import signal
import sys


def main() -> int:
    """Run the command; returns the exit status.

    Signals are blocked while the program is loaded: by default they would end the process, or be lost if it is process
    1 of a container.
    """
    signal.pthread_sigmask(
        signal.SIG_BLOCK,
        (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2),
    )
    from opentracker import cli  # noqa: PLC0415 - after the signals are blocked
    from opentracker.server import signals  # noqa: PLC0415

    signals.begin()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

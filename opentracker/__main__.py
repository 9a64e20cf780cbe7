"""The command `opentracker`, and `python -m opentracker`."""

import signal
import sys


def main() -> int:
    """Run the command; gives the exit status.

    Signals wait while the program is loaded: by default they end a process, and process 1 of a container loses them.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1))
    from opentracker import cli  # noqa: PLC0415 - signals wait by now
    from opentracker.server import signals  # noqa: PLC0415

    signals.begin()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

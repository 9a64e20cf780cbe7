"""Stays interpreted."""

from minitracker.core import FAMILIES, Tracker, describe


def main() -> None:
    """Print what the build does, for a test to read."""
    tracker = Tracker({b"listed"})
    print(FAMILIES, describe(), tracker.announce(b"listed"), tracker.announce(b"other"), list(tracker.jobs()))


if __name__ == "__main__":
    main()

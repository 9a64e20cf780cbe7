"""`python -m opentracker`."""

import sys

from opentracker.cli import main

if __name__ == "__main__":
    sys.exit(main())

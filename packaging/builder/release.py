"""The command packaging/release: steps of a release that a program can take. CONTRIBUTING.md has all of them."""

import argparse
import sys
import time
from pathlib import Path

from builder.checkout import ROOT
from builder.errors import PackagingError
from builder.reproduce import reproduce
from builder.sbom import write_bill
from builder.variants import VARIANTS
from builder.versions import set_version


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="packaging/release", description="Steps of a release.")
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("version", help="write a version into every file that has one")
    step.add_argument("number")
    step.add_argument(
        "--date", default=time.strftime("%a, %d %b %Y", time.gmtime()), help="`Sat, 28 Nov 2026`"
    )
    step = steps.add_parser("reproduce", help="build sdist and wheels twice, and compare")
    step.add_argument(
        "variants", nargs="*", choices=[[], *VARIANTS], metavar="variant", help=" ".join(VARIANTS)
    )
    step = steps.add_parser("sbom", help="write a bill of materials beside each wheel")
    step.add_argument("wheels", nargs="+", type=Path, metavar="wheel")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Take a step."""
    options = parse(arguments)
    try:
        if options.step == "version":
            for path in set_version(ROOT, options.number, options.date):
                print(path)
        elif options.step == "sbom":
            for wheel in options.wheels:
                print(write_bill(wheel))
        else:
            return compare(options.variants or ["open"])
    except PackagingError as error:
        print(f"packaging/release: {error}", file=sys.stderr)
        return 1
    return 0


def compare(variants: list[str]) -> int:
    """Build twice, print both checksums of each, and return an exit status."""
    results = reproduce(variants)
    for name, first, second in results:
        print(f"{name:10} {first} {'the same' if first == second else f'differs: {second}'}")
    return int(any(first != second for _, first, second in results))

"""Fuzz one parser: `python tests/fuzz/run.py NAME --runs N`.

With atheris where it is installed (`pip install atheris`): libFuzzer then sees which inputs reach new code, in builds
that are not compiled. Without it, or with `--engine mutate`, a plain loop mutates the seeds. An input that breaks a
promise ends the run and is shown.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

# Behind everything else, so that it is the installed package that is tested.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.fuzz import engine


def main() -> int:
    """Run a harness as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(engine.HARNESSES), help="which parser")
    parser.add_argument(
        "--runs", type=int, default=1_000_000, metavar="N", help="inputs (default: a million)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other inputs")
    parser.add_argument(
        "--engine", choices=["atheris", "mutate"], help="default: atheris, where there is one"
    )
    parser.add_argument("--found", type=Path, metavar="FOLDER", help="where atheris writes what it finds")
    chosen = parser.parse_args()
    needed = engine.lacking(chosen.name)
    if needed:
        print(f"run.py: {chosen.name} needs a build with {needed}", file=sys.stderr)
        return 1
    name = chosen.engine or ("atheris" if importlib.util.find_spec("atheris") else "mutate")
    if name == "atheris":
        found = chosen.found or Path(tempfile.gettempdir()) / f"opentracker-fuzz-{chosen.name}"
        print(f"{chosen.name}: atheris; what breaks is written to {found}")
        sys.stdout.flush()
        engine.run_atheris(chosen.name, chosen.runs, chosen.seed, found)
        return 0
    began = time.monotonic()
    count = engine.run_mutations(chosen.name, chosen.runs, chosen.seed)
    seconds = time.monotonic() - began
    print(f"{chosen.name}: {count} inputs in {seconds:.0f} s, {count / seconds:.0f} a second, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())

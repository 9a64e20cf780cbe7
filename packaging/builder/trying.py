"""Trying packages: a plan for trial/, and a tree with systemd that carries it out and powers off."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from builder.checkout import ROOT
from builder.errors import PackagingError
from builder.trees import Tree
from builder.variants import VARIANTS
from builder.workshop import Workshop

LONGEST: Final = 300.0  # seconds, from the start of systemd to its end
ASKED: Final = ("version", "profile", "compiled", "flags", "constants")  # of the build record

SERVICE: Final = """\
[Unit]
Description=Trial of the packages
After=multi-user.target
[Service]
Type=oneshot
WorkingDirectory=/
ExecStart=/usr/bin/python3 -m trial
ExecStopPost=/usr/bin/systemctl poweroff --no-block
StandardOutput=file:/trial/output
StandardError=inherit
"""
TARGET: Final = """\
[Unit]
Description=A machine for one trial
Wants=multi-user.target trial.service
"""


def asked(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a build record that is compared."""
    return {name: record[name] for name in ASKED}


def try_packages(tree: Tree, plan: Mapping[str, Any]) -> dict[str, float]:
    """Carry out a plan in a tree that has the packages in /trial; return the seconds of its steps."""
    tree.write("trial/plan.json", json.dumps(plan))
    tree.copy({"trial": ROOT / "packaging" / "trial"})
    tree.write("etc/systemd/system/trial.service", SERVICE)
    tree.write("etc/systemd/system/trial.target", TARGET)
    default = tree.root / "etc/systemd/system/default.target"
    default.unlink(missing_ok=True)
    default.symlink_to("/etc/systemd/system/trial.target")
    tree.boot(LONGEST)
    output = tree.root / "trial/output"
    text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
    with tree.log.open("a", encoding="utf-8") as log:
        log.write(text)
    return times_of(tree.root / "trial/result.json", tree.log)


def times_of(result: Path, log: Path) -> dict[str, float]:
    """Return the seconds of the steps that a trial wrote down; raise PackagingError if it failed."""
    if not result.exists():
        raise PackagingError(f"the trial did not end; see {log}")
    outcome = json.loads(result.read_text(encoding="utf-8"))
    if outcome["fault"]:
        raise PackagingError(f"the trial failed: {outcome['fault']}\nsee {log}")
    times: dict[str, float] = outcome["times"]
    return times


def plan_of(
    manager: str, variant: str, other: str, before: list[str], packages: list[str], switched: list[str]
) -> dict[str, Any]:
    """Return what all plans have: the packages and what the installed trackers are to say."""
    return {
        "trial": "packages",
        "manager": manager,
        "before": before,
        "packages": packages,
        "record": asked(VARIANTS[variant].record()),
        "list": VARIANTS[variant].access_list,
        "other": {"packages": switched, "record": asked(VARIANTS[other].record())} if other else None,
    }


def try_each(
    workshop: Workshop,
    layer: str,
    variants: list[str],
    attempt: Callable[[Tree, Path, str, str], dict[str, float]],
) -> None:
    """Try each variant in a tree of its own; the next of them is the one that is switched to."""
    for number, variant in enumerate(variants):
        other = variants[(number + 1) % len(variants)]
        with workshop.step(f"trial of {variant}"), workshop.tree(layer, f"trial-{variant}") as tree:
            times = attempt(tree, workshop.out, variant, other if other != variant else "")
        workshop.steps += [(f"  {name}", seconds) for name, seconds in times.items()]


def package_paths(*packages: Path) -> list[str]:
    """Return where packages are in the tree."""
    return [f"/trial/{package.name}" for package in packages]

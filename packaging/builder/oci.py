"""Images: built by buildah without network on a base of its own, tried by crun without rights."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from builder.checkout import ROOT, version
from builder.errors import PackagingError
from builder.processes import ALONE, WITH_CGROUPS, run
from builder.trying import asked, times_of
from builder.variants import VARIANTS
from builder.wheels import BUILDING, COMPILING, RUNNING, fetch
from builder.workshop import Workshop

LONGEST: Final = 1800.0  # seconds; mypyc takes the most of them
TRYING: Final = 300.0
USER: Final = 6969


class Buildah:
    """buildah with a storage of its own, which goes with the folder of the run."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.storage = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        self.storage += ["--storage-driver", "vfs"]
        self.log = log

    def run(self, *arguments: str, seconds: float = 300) -> None:
        """Run a command of buildah, without network."""
        run([*ALONE, *self.storage, *arguments], self.log, seconds)

    def ask(self, *arguments: str) -> str:
        """Return what a command of buildah prints."""
        done = subprocess.run(
            [*self.storage, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise PackagingError(f"buildah {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def base(self, root: Path, name: str) -> None:
        """Make an image of a file system."""
        container = self.ask("from", "scratch")
        self.run("copy", "--quiet", container, str(root), "/")
        self.run("commit", "--quiet", "--rm", container, name)


def build(workshop: Workshop, variants: list[str]) -> list[Path]:
    """Build the images of variants, and try each; return them as archives."""
    for tool in ("buildah", "crun"):
        if shutil.which(tool) is None:
            raise PackagingError(f"there is no {tool}; install it (apt-get install buildah crun)")
    compiled = any(VARIANTS[variant].record()["compiled"] for variant in variants)
    layers = ["oci-base", *(["oci-build"] if compiled else [])]
    workshop.fetch("debian-build", *layers)
    context = workshop.work / "context"
    with workshop.step("fetch wheels"):
        needed = [*BUILDING, *RUNNING, *(COMPILING if compiled else ())]
        shutil.copytree(
            fetch(workshop.layers, "oci-base", needed, workshop.log("wheels")), context / "wheels"
        )
    shutil.copy(workshop.source(), context)
    buildah = Buildah(workshop.work / "buildah", workshop.log("buildah"))
    for layer in layers:
        with workshop.step(f"image of {layer}"), workshop.tree(layer, layer) as tree:
            buildah.base(tree.root, f"localhost/{layer}")
    archives = []
    for variant in variants:
        with workshop.step(f"buildah {variant}"):
            build_image(buildah, context, variant, layers[-1])
        with workshop.step(f"trial of {variant}"):
            times = try_image(workshop, buildah, variant)
        workshop.steps += [(f"  {name}", seconds) for name, seconds in times.items()]
        archives.append(workshop.out / f"opentracker-{variant}-{version()}.tar")
        with workshop.step(f"archive of {variant}"):
            buildah.run("push", "--quiet", image(variant), f"oci-archive:{archives[-1]}")
    return archives


def image(variant: str) -> str:
    """Return the name of an image."""
    return f"localhost/opentracker:{version()}-{variant}"


def build_image(buildah: Buildah, context: Path, variant: str, build_base: str) -> None:
    """Build the image of a variant."""
    arguments = {
        **VARIANTS[variant].choices,
        "BASE": "localhost/oci-base",
        "BUILD_BASE": f"localhost/{build_base}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "/src/wheels",
    }
    words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    file = ROOT / "packaging" / "oci" / "Containerfile"
    options = [
        "--format",
        "docker",
        "--isolation",
        "chroot",
        "--pull-never",
        "--timestamp",
        "0",
        "-f",
        str(file),
    ]
    buildah.run("build", *options, *words, "-t", image(variant), str(context), seconds=LONGEST)


def try_image(workshop: Workshop, buildah: Buildah, variant: str) -> dict[str, float]:
    """Run the trial of an image in namespaces of its own; return the seconds of its steps."""
    folder = workshop.work / f"trial-{variant}"
    container = buildah.ask("from", "--pull-never", image(variant))
    try:
        plan = plan_of(variant, buildah, container, folder)
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        command = ["python3", "-m", "trial.container", str(folder / "plan.json")]
        log = workshop.log(f"trial-{variant}")
        environment = {"PYTHONPATH": str(ROOT / "packaging"), "PYTHONDONTWRITEBYTECODE": "1"}
        fault: PackagingError | None = None
        try:
            run([*ALONE, "--mount-proc", *WITH_CGROUPS, *command], log, TRYING, environment)
        except PackagingError as error:
            fault = error
        for name in folder.glob("*/log"):
            shutil.copy(name, workshop.log(f"container-{variant}-{name.parent.name}"))
        times = times_of(folder / "result.json", log)
        if fault is not None:
            raise fault
        return times
    finally:
        buildah.ask("rm", container)


def plan_of(variant: str, buildah: Buildah, container: str, folder: Path) -> dict[str, Any]:
    """Return the plan of an image: what it says of itself, and what is mounted into it."""
    folder.mkdir()
    chosen = VARIANTS[variant]
    config = json.loads(buildah.ask("inspect", "--type", "container", container))["Docker"]["config"]
    data, file, listed = folder / "data", folder / "opentracker.conf", folder / "list.txt"
    data.mkdir()
    shutil.chown(data, USER, USER)
    file.write_text(f"{chosen.access_list} /etc/opentracker/list.txt\n" if chosen.access_list else "")
    listed.write_text("# nothing is listed\n")
    hash_option = "CHECK_OPTIONS=--info-hash " + bytes(range(20)).hex()
    return {
        "name": folder.parent.name + "-" + variant,
        "folder": str(folder),
        "root": buildah.ask("mount", container),
        "entrypoint": config["Entrypoint"],
        "environment": [*config["Env"], *([hash_option] if chosen.access_list else [])],
        "healthcheck": command_of(config["Healthcheck"]["Test"]),
        "record": asked(chosen.record()),
        "list": chosen.access_list,
        "mounts": {
            "/data": str(data),
            "/etc/opentracker/opentracker.conf": str(file),
            "/etc/opentracker/list.txt": str(listed),
        },
    }


def command_of(test: Sequence[str]) -> list[str]:
    """Return the command of a health check: `CMD-SHELL` is for a shell, `CMD` is for none."""
    return ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])

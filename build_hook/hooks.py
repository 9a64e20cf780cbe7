"""The two classes that hatchling asks: one for the version, one for the contents of a wheel or an sdist."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

from build_hook.compiling import check_tools, compile_stage, compiler_fault
from build_hook.errors import one_line_errors
from build_hook.rendering import build_record, full_version, render_features
from build_hook.resolution import Build, resolve
from build_hook.staging import stage
from build_hook.tree import print_notes, write_tree_features
from build_hook.units import is_wanted, unit_for


def temporary_folder(project: str) -> Path:
    """Return a new folder outside the tree, which the end of the process removes."""
    folder = Path(tempfile.mkdtemp(prefix=f"{project}-stage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class VersionHook(MetadataHookInterface):
    """Sets the version, with the chosen features as its local part on request."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the dynamic fields of pyproject.toml."""
        with one_line_errors():
            build = resolve(Path(self.root), os.environ)
        metadata["version"] = full_version(build, self.config["version"])
        metadata["entry-points"] = {}


class FeaturesHook(BuildHookInterface[Any]):
    """Makes a wheel of a staged copy of the package, and an sdist that is the same for every choice."""

    def dependencies(self) -> list[str]:
        """Return the requirements of the build: mypyc for a wheel that is to be compiled.

        Without a C compiler the build ends before mypyc could run, so it need not be installed first.
        """
        with one_line_errors():
            build = resolve(Path(self.root), os.environ)
        return self.compile_requires if build.flags.get("WANT_COMPILED") and not compiler_fault() else []

    @property
    def compile_requires(self) -> list[str]:
        """The packages that a compiled wheel is made with."""
        return list(self.config.get("compile-requires", []))

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stage the package, or for an editable install write the tree's own _features.py."""
        root, project = Path(self.root), self.metadata.core.raw_name
        base_version = self.metadata.version.partition("+")[0]
        if self.target_name == "sdist":
            # Every variant can be built from it, so it has no variant's name.
            self.full_version = self.metadata.version
            self.set_version(base_version)
            return
        with one_line_errors():
            if version == "editable":
                build = write_tree_features(root, project, base_version, os.environ)
            else:
                build = resolve(root, os.environ)
                self.add_stage(build, root / project, base_version, build_data)
        print_notes(build)
        build_data["shared_data"] |= self.shared_data(build)
        build_data["dependencies"] += build.dependencies()

    def shared_data(self, build: Build) -> dict[str, str]:
        """Return the files beside the package that come with the flags: where they are, and below which prefix."""
        files: dict[str, str] = {}
        for flag, more in self.config.get("shared-data", {}).items():
            if build.flags.get(flag):
                wanted = {source: target for source, target in more.items() if is_wanted(build, source)}
                files |= {str(Path(self.root, source)): target for source, target in wanted.items()}
        return files

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Give the version its variant's name back after an sdist: the wheel may be built next."""
        if self.target_name == "sdist":
            self.set_version(self.full_version)

    def set_version(self, version: str) -> None:
        """Replace the version: one metadata object serves all targets, and its hook is asked once."""
        self.metadata._version = version
        self.metadata._original_version = version

    def add_stage(self, build: Build, package: Path, version: str, build_data: dict[str, Any]) -> None:
        """Stage the package, compile it on request, and give it to the wheel with its units and its record."""
        compiled = build.flags.get("WANT_COMPILED")
        if compiled:
            check_tools(build, self.compile_requires)
        folder = temporary_folder(package.name)
        stage(build, package, folder / package.name, render_features(build, package.name, version))
        if compiled:
            extensions = compile_stage(build, folder, package.name)
            shutil.rmtree(folder / "build")
            # Those in the package come with it; mypyc puts their common part beside the package.
            beside = [path for path in extensions if path.parent == folder]
            build_data["force_include"] |= {str(path): path.name for path in beside}
            build_data |= {"pure_python": False, "infer_tag": True}
        build_data["force_include"][str(folder / package.name)] = package.name
        self.add_service_files(build, package.parent, folder, build_data)
        record = folder / f"{package.name}.json"
        record.write_text(build_record(build, package.name, version), encoding="utf-8")
        build_data["extra_metadata"][str(record)] = record.name

    def add_service_files(self, build: Build, root: Path, folder: Path, build_data: dict[str, Any]) -> None:
        """Give the wheel the files of the chosen service manager, in the folder `folder` as this build needs them."""
        for source, target in self.config.get("service-files", {}).items():
            if is_wanted(build, source):
                copy = folder / "service" / Path(source).name
                copy.parent.mkdir(exist_ok=True)
                copy.write_text(
                    unit_for(build, (root / source).read_text(encoding="utf-8")), encoding="utf-8"
                )
                shutil.copymode(root / source, copy)
                build_data["shared_data"][str(copy)] = target

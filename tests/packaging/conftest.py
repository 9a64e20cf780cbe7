"""The build hook made importable, for packaging/, which reads features.toml with it."""

from tests.build.workshop import ROOT, load_module

load_module(ROOT / "hatch_build.py")

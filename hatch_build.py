"""The door to the build hook: hatchling opens this file alone and finds two classes in it.

`python hatch_build.py` writes the tree's own _features.py, and needs nothing but the standard library.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

sys.path.insert(0, str(ROOT))  # hatchling loads this file by its path, and its folder is not on sys.path
try:
    if __name__ == "__main__":
        from build_hook.tree import main

        main(ROOT)
    else:
        from build_hook.hooks import FeaturesHook, VersionHook

        __all__ = ["FeaturesHook", "VersionHook"]
finally:
    sys.path.remove(str(ROOT))

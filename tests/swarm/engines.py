"""The stores that this build has, for tests that ask both the same."""

import importlib.util
from collections.abc import Callable

from librt.random import Random

from opentracker.swarm.store.door import Store

ENGINES: dict[str, Callable[[Random], Store]] = {}

if importlib.util.find_spec("opentracker.swarm.store.packed"):
    from opentracker.swarm.store.packed.store import PackedStore

    ENGINES["packed"] = PackedStore
if importlib.util.find_spec("opentracker.swarm.store.flat"):
    from opentracker.swarm.store.flat.store import FlatStore

    ENGINES["flat"] = FlatStore

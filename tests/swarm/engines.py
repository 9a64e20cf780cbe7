"""The stores that this build has, for tests that ask both the same."""

import importlib.util
from collections.abc import Callable

from librt.random import Random

from opentracker.swarm.store.door import Store
from opentracker.swarm.store.table import Table

ENGINES: dict[str, Callable[[Random], Store]] = {}
TABLES: dict[str, Callable[[int, bool], Table]] = {}

if importlib.util.find_spec("opentracker.swarm.store.packed"):
    from opentracker.swarm.store.packed.store import PackedStore
    from opentracker.swarm.store.peer_table import PeerTable

    ENGINES["packed"] = PackedStore
    TABLES["bytes"] = PeerTable
if importlib.util.find_spec("opentracker.swarm.store.flat"):
    from opentracker.swarm.store.flat.store import FlatStore
    from opentracker.swarm.store.flat.word_table import WordTable

    ENGINES["flat"] = FlatStore
    TABLES["words"] = WordTable

"""The store of this build."""

from librt.random import Random

from opentracker._features import WANT_COMPILED
from opentracker.swarm.store.door import Store

if WANT_COMPILED:
    from opentracker.swarm.store.flat.store import FlatStore
else:
    from opentracker.swarm.store.packed.store import PackedStore


def make_store(random: Random) -> Store:
    """A store without torrents."""
    if WANT_COMPILED:
        return FlatStore(random)
    else:  # noqa: RET505 - an interpreted build has no FlatStore
        return PackedStore(random)

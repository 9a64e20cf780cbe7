"""A table without peers, for the families that a large swarm does not have: one for all, and never changed."""

from librt.random import Random
from mypy_extensions import i64, mypyc_attr

from opentracker.swarm.store.table import Table


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class EmptyTable(Table):
    """See Table. It has one block, without peers."""

    __slots__ = ()

    def __init__(self, stride: int) -> None:
        super().__init__(stride, False, 1)

    def block_of(self, peer: bytes) -> i64:
        """See Table."""
        return 0

    def size_of(self, at: i64) -> i64:
        """See Table."""
        return 0

    def block(self, at: i64) -> bytes:
        """See Table."""
        return b""

    def index_in(self, at: i64, peer: bytes) -> i64:
        """See Table."""
        return -1

    def expire(self, at: i64, expired: bytes) -> None:
        """See Table."""

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """See Table."""
        return b""

    def ports_of(self, peer: bytes) -> list[bytes]:
        """See Table."""
        return []

    def weight(self) -> i64:
        """See Table."""
        return 0

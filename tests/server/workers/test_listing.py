"""Rows of full scrapes on their way between workers."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.server.workers.listing import Rows, pack_rows, unpack_rows
from opentracker.swarm.store import rows as store_rows

counts = st.tuples(*[st.integers(0, 3000)] * 3)


def decoded(rows: Rows) -> list[tuple[bytes, tuple[int, ...]]]:
    """Info_hashes and counts."""
    table = store_rows.Rows(0, 0)
    table.large = rows.large
    return [
        (row[: store_rows.KEY], tuple(int(each) for each in table.counts(row[store_rows.KEY :])))
        for row in rows.rows
    ]


@given(st.lists(st.tuples(st.binary(min_size=20, max_size=20), counts), max_size=20), st.integers(0, 3))
def test_rows_that_are_packed_are_unpacked(
    torrents: list[tuple[bytes, tuple[int, int, int]]], before: int
) -> None:
    table, rows, found = store_rows.Rows(0, 0), Rows(), Rows()
    for number in range(before):  # from a piece before
        found.add(bytes(20), b"\xff" * store_rows.BYTES, (number, 500, 0))
    for info_hash, (complete, downloaded, incomplete) in torrents:
        code = int(table.code(complete, downloaded, incomplete)).to_bytes(store_rows.BYTES, "big")
        rows.add(info_hash, code, table.counts(code))
    unpack_rows(pack_rows(rows), found)
    assert decoded(found)[before:] == torrents

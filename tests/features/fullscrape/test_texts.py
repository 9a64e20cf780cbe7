"""The text of torrents: the same whether it has been cached or not."""

import pytest
from librt.random import Random
from librt.strings import BytesWriter

from opentracker.features.fullscrape.texts import MOST_REMEMBERED, Texts
from opentracker.protocol.scrape_formats import FORMATS
from opentracker.swarm.listing import Reader, SortedTorrents
from opentracker.swarm.store.rows import LARGE
from opentracker.swarm.tracker import Tracker


@pytest.mark.parametrize("name", FORMATS)
def test_more_counts_than_are_cached(name: bytes) -> None:
    form = FORMATS[name]
    listing = SortedTorrents(Tracker(Random(1)))
    reader = Reader(listing, 0)
    reader.next_rows()  # enters the first segment
    rows = listing.rows(0, 0)
    all_counts = [(number % 2500, number, number % 7) for number in range(MOST_REMEMBERED * 2)]
    codes = [int(rows.code(*counts)) for counts in all_counts]
    assert min(codes) < LARGE <= max(codes)
    joined = b"".join(
        [number.to_bytes(20, "big") + code.to_bytes(4, "big") for number, code in enumerate(codes)]
    )
    key_of = form.key or bytes
    expected = b"".join(
        [
            key_of(number.to_bytes(20, "big")) + form.counts(*counts) + form.before
            for number, counts in enumerate(all_counts)
        ]
    )
    texts = Texts(form)
    for _ in range(2):
        out = BytesWriter()
        texts.write(joined, reader, out)
        assert out.getvalue() == expected

"""zstd, slice by slice."""

import random
import resource
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.fullscrape.zstd_encoder import ZstdEncoder

if sys.version_info >= (3, 14):
    from compression.zstd import decompress
else:
    from backports.zstd import decompress


@given(st.lists(st.binary(min_size=1, max_size=5000)))
def test_it_inflates_to_what_was_fed(parts: list[bytes]) -> None:
    encoder = ZstdEncoder()
    whole = b"".join(encoder.feed(part) for part in parts) + encoder.end()
    encoder.close()
    assert decompress(whole) == b"".join(parts)


STATM = Path("/proc/self/statm")


@pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
def test_a_client_costs_less_than_a_megabyte() -> None:
    body = random.Random(1).randbytes(320_000)  # enough to touch whatever there is
    encoders = [ZstdEncoder() for _ in range(40)]
    before = int(STATM.read_text().split()[1])
    for encoder in encoders:
        for at in range(0, len(body), 8000):
            encoder.feed(body[at : at + 8000])
    grown = int(STATM.read_text().split()[1]) - before
    assert grown * resource.getpagesize() < 40 * 1_000_000

"""zstd, slice by slice."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.compression_zstd import ZstdEncoder

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

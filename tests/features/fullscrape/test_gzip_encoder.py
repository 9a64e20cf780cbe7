"""gzip, slice by slice."""

import gc
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.fullscrape import gzip_encoder
from opentracker.features.fullscrape.gzip_encoder import Compressor, GzipEncoder


def compressed(parts: list[bytes]) -> bytes:
    encoder = GzipEncoder()
    whole = b"".join(encoder.feed(part) for part in parts) + encoder.end()
    encoder.close()
    return whole


@given(st.lists(st.binary(min_size=1, max_size=5000)))
def test_it_inflates_to_what_was_fed(parts: list[bytes]) -> None:
    assert gzip.decompress(compressed(parts)) == b"".join(parts)


def test_equal_answers_are_equal_bytes() -> None:
    data = compressed([b"a" * 100_000, b"b"])
    assert data[:8] == bytes.fromhex("1f8b 08 00 00000000"), "no name, and no time"
    assert compressed([b"a" * 100_000, b"b"]) == data


@pytest.mark.skipif(Compressor is not None, reason="the package isal is installed")
def test_it_is_as_small_as_gzip_makes_it() -> None:
    data = b"".join(b"d8:completei%de10:downloadedi%dee" % (n % 7, n % 11) for n in range(20_000))
    parts = [data[at : at + 8192] for at in range(0, len(data), 8192)]
    assert len(compressed(parts)) == pytest.approx(len(gzip.compress(data, 7)), rel=0.01)


@pytest.mark.parametrize("fed", [0, 1, 50])
def test_one_that_is_broken_off_complains_about_nothing(fed: int) -> None:
    encoder = GzipEncoder()
    for _ in range(fed):
        encoder.feed(b"abc" * 5000)
    encoder.close()
    del encoder
    gc.collect()  # warnings are errors here


@pytest.mark.skipif(Compressor is None, reason="the package isal is not installed")
def test_with_isal_it_is_somewhat_larger() -> None:
    data = b"".join(b"d8:completei%de10:downloadedi%dee" % (n % 7, n % 11) for n in range(20_000))
    parts = [data[at : at + 8192] for at in range(0, len(data), 8192)]
    assert gzip.decompress(compressed(parts)) == data
    assert len(compressed(parts)) < len(data) / 3


def test_another_compressor_can_stand_in_for_the_streams_own() -> None:
    """With gzip's own class, which is always there, as isal's is used."""
    stream = gzip_encoder.Stream(gzip_encoder.Source())
    stream.use(gzip.GzipFile)
    header = stream.header()
    stream._stream.data = b"some text"
    whole = header + stream.step() + stream.step()
    stream.close()
    assert gzip.decompress(whole) == b"some text"

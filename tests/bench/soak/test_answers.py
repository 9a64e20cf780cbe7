import gzip

import pytest

from soak.answers import CutError, joined, parted, unpacked


def test_chunks_are_joined_and_a_cut_one_is_told() -> None:
    whole = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    assert joined(whole) == b"abc0123456789"
    for length in range(len(whole) - len(b"0\r\n\r\n")):
        with pytest.raises(CutError):
            joined(whole[:length])
    with pytest.raises(CutError):
        joined(b"abc\r\nno size\r\n")


def test_an_answer_that_is_cut_is_told() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    assert parted(whole) == (whole[:-7], b"abc")
    for length in range(len(whole)):
        with pytest.raises(CutError):
            parted(whole[:length])


def test_a_gzip_body_that_is_cut_is_told() -> None:
    text = b"d5:filesd20:" + bytes(range(256)) * 9 + b"ee"
    packed = gzip.compress(text)
    assert unpacked(packed) == text
    for length in range(1, len(packed)):
        with pytest.raises(CutError):
            unpacked(packed[:length])
    for spoiled in (b"d5:files" + packed, packed[:-8] + bytes(8), packed[:30] + b"\xff" * 30 + packed[60:]):
        with pytest.raises(CutError):
            unpacked(spoiled)

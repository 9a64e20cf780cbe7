"""The five forms of a full scrape, torrent by torrent."""

import pytest

from opentracker.protocol.scrape_formats import FORMATS

HASH = bytes.fromhex("00417a2f25e9ff3d7e20410a5f2d2e243a3b7f39")
COUNTS = (3, 70000, 21)  # complete, downloaded, incomplete


def torrent(name: str, info_hash: bytes) -> bytes:
    form = FORMATS[name.encode()]
    key = info_hash if form.key is None else form.key(info_hash)
    return form.before + key + form.counts(*COUNTS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ben", b"20:" + HASH + b"d8:completei3e10:downloadedi70000e10:incompletei21ee"),
        ("bin", HASH + bytes([0, 0, 0, 3]) + bytes([0, 0, 0, 21])),
        ("txt", b"00417A2F25E9FF3D7E20410A5F2D2E243A3B7F39:3:21\n"),
        ("txtp", b"00417A2F25E9FF3D7E20410A5F2D2E243A3B7F39:3:21:70000\n"),
        ("url", b"%00Az/%25%E9%FF=~%20A%0A_-.$%3A%3B%7F9:3:21\n"),
    ],
)
def test_a_torrent(name: str, expected: bytes) -> None:
    assert torrent(name, HASH) == expected


def test_what_a_url_does_not_escape() -> None:
    key = FORMATS[b"url"].key
    assert key is not None
    plain = b"abcxyzABCXYZ0189$/.=~-_"
    assert key(plain[:20]) + key(plain[20:]) == plain
    for byte in (
        set(range(256)) - set(b"$/.=~-_") - set(range(48, 58)) - set(range(65, 91)) - set(range(97, 123))
    ):
        assert key(bytes([byte])) == b"%" + f"{byte:02X}".encode()


def test_the_largest_counts() -> None:
    assert FORMATS[b"bin"].counts(2**32 - 1, 0, 2**31) == bytes.fromhex("ffffffff 80000000")
    assert FORMATS[b"txtp"].counts(2**32 - 1, 2**31 - 1, 0) == b":4294967295:0:2147483647\n"


def test_only_bencoding_has_a_frame() -> None:
    frames = {name: (form.start, form.before, form.end) for name, form in FORMATS.items()}
    assert frames.pop(b"ben") == (b"d5:filesd", b"20:", b"ee")
    assert set(frames.values()) == {(b"", b"", b"")}

"""Names of client software."""

import pytest

from opentracker.protocol.peer_ids import AZUREUS, OTHERS, PREFIXES, name_of


@pytest.mark.parametrize(
    ("peer_id", "name"),
    [
        (b"-qB4650-abcdefghijkl", "qBittorrent"),
        (b"-TR4050-abcdefghijkl", "Transmission"),
        (b"-lt0D80-abcdefghijkl", "rTorrent"),
        (b"-LT2000-abcdefghijkl", "libtorrent"),
        (b"M7-9-2--abcdefghijkl", "BitTorrent"),
        (b"A2-1-36-0-abcdefghij", "aria2"),
        (b"XBT054d-abcdefghijkl", OTHERS),
        (b"-qB4650+abcdefghijkl", OTHERS),
        (b"-??0001-abcdefghijkl", OTHERS),
        (b"\0" * 20, OTHERS),
        (b"-qB4650-", OTHERS),
        (b"", OTHERS),
    ],
)
def test_names(peer_id: bytes, name: str) -> None:
    assert name_of(peer_id) == name


def test_names_are_labels_as_they_are() -> None:
    for name in {*AZUREUS.values(), *PREFIXES.values(), OTHERS}:
        assert name.isascii()
        assert not set(name) & set('"\\\n')

"""Query strings of scrapes: the info_hashes of a slow and plain reading, or a failure."""

from opentracker._features import OT_MAX_MULTISCRAPE
from opentracker.errors import TrackerFailure
from opentracker.protocol.query import parse_scrape
from tests.fuzz.announces import fields_of

WORDS = [b"info_hash=", b"&info_hash=", b"%41" * 20, b"A" * 20, b"%", b"=", b"&", b"&x=y"]


def check(query: bytes) -> None:
    """One query."""
    fields = fields_of(query)
    wanted = [value for key, value in fields or [] if key == b"info_hash"][:OT_MAX_MULTISCRAPE]
    is_good = bool(wanted) and all(len(info_hash) == 20 for info_hash in wanted)
    try:
        got = parse_scrape(query)
    except TrackerFailure:
        assert not is_good
        return
    assert is_good
    assert got == wanted

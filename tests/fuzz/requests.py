"""Whole HTTP requests, with a tracker behind and every page that the build has: one answer, with a head that fits."""

from opentracker.errors import HttpError
from opentracker.protocol.bencode import decode
from opentracker.protocol.http import parse_request
from tests.fuzz import announces, heads
from tests.fuzz.tracker import SOURCES, Desk

WORDS = [
    *heads.WORDS,
    *announces.WORDS,
    b"/scrape",
    b"/stats?mode=",
    b"&format=",
    b"everything",
    b"Accept-Encoding: gzip\r\n",
    *b"peer conn scrp fscr torr tpbs top10 s24s renew herr statedump version json prometheus html".split(),
    *b"ben bin txt txtp url".split(),
]
LONGEST_INPUT = 1000  # bytes: the limits of length are `heads`' part
desk = Desk()
MOST = 1 << 20  # bytes that a page may say here, where few torrents are known


def check(data: bytes) -> None:
    """One request."""
    if not data:
        return
    server = desk.fresh().server
    choice, received = data[0], data[1:]
    try:
        request = parse_request(received)
        if request is None:
            return
        answer = server.http_answers.answer(request, SOURCES[choice % len(SOURCES)], choice >> 2)
    except HttpError as error:
        assert error.status in (302, 400, 402, 403, 404, 405, 414, 431)
        return
    whole = answer if isinstance(answer, bytes) else b"".join(answer)
    assert len(whole) < MOST
    head, end, body = whole.partition(b"\r\n\r\n")
    assert end
    assert head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 302 "))
    assert b"\n" not in head.replace(b"\r\n", b""), "a header that was made by a stranger"
    if b"Content-Length: " in head and request.method == b"GET":
        assert int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) == len(body)
    if isinstance(answer, bytes) and body:
        decode(body)

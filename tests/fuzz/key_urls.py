"""Keys in paths, queries and URL data: taken out whole, and hidden where a request is shown."""

from opentracker.errors import TrackerFailure
from opentracker.protocol.keyed_urls import HIDDEN, key_of_query, key_of_url_data, split_path, without_key

WORDS = [
    b"/announce",
    b"/scrape",
    b"0123456789abcdef",
    b"/",
    b"?",
    b"&",
    b"=",
    b"passkey=",
    b"pass%6bey=",
    b"%2f",
]
WORDS += [b"%", b"%zz", b"info_hash=", b"\n", b" HTTP/1.1"]


def check(data: bytes) -> None:
    """The bytes as a path, a query, URL data and a request line."""
    path, key = split_path(data)
    assert data in (path + key, b"/" + key + path, path + b"/" + key)
    assert isinstance(key_of_url_data(data), bytes)
    shown = without_key(data)
    assert shown.count(b"\n") == data.count(b"\n")
    try:
        key_of_query(data.partition(b"\n")[0].partition(b"?")[2])
        hidden = key_of_query(shown.partition(b"\n")[0].partition(b"?")[2])
    except TrackerFailure:
        return
    assert hidden in (b"", HIDDEN)

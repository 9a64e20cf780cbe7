"""URLs of trackers."""

import pytest

from opentracker.check.target import parse_target


@pytest.mark.parametrize(
    ("url", "authority", "path", "scrape"),
    [
        ("udp://a.example:6969/announce", "a.example:6969", "/announce", "/scrape"),
        ("udp://a.example:6969", "a.example:6969", "/announce", "/scrape"),
        ("http://a.example/announce", "a.example", "/announce", "/scrape"),
        ("http://a.example:80/x/announce.php", "a.example", "/x/announce.php", "/x/scrape.php"),
        ("https://a.example/k3y/announce?uk=1", "a.example", "/k3y/announce?uk=1", "/k3y/scrape?uk=1"),
        ("https://[::1]:8443/announce", "[::1]:8443", "/announce", "/scrape"),
        ("http://a.example/a", "a.example", "/a", None),
    ],
)
def test_what_follows_from_a_url(url: str, authority: str, path: str, scrape: str | None) -> None:
    found = parse_target(url)
    assert (found.authority, found.path, found.scrape_path) == (authority, path, scrape)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a:6969",
        "udp://a/announce",
        "ftp://a/announce",
        "udp://:6969/announce",
        "http://a:x/",
        "http://a/\u00e4",
        "http://a/b c",
    ],
)
def test_others_say_what_was_expected(url: str) -> None:
    with pytest.raises(ValueError, match="expected udp://HOST:PORT/announce"):
        parse_target(url)

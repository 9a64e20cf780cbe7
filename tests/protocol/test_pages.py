import pytest

from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page


def test_a_page_takes_its_path_and_has_to_answer() -> None:
    request = Request(b"GET / HTTP/1.1\r\n\r\n", 18)
    assert Page().takes(request)
    with pytest.raises(NotImplementedError):
        Page().answer(request, b"\x7f\0\0\1", 0)

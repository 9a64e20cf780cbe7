"""JSON as UTF-8: by the package orjson where it is installed, in a quarter of the time, else by the standard library.

Both read and write the same. Python's decoder has the last word on text that orjson refuses: orjson takes no lone
surrogates, no numbers beyond those of a double, and another depth. Its numbers above 64 bits are floats.
"""

import importlib
import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final


def refuse_constant(name: str) -> float:
    """In place of NaN and Infinity, which are no JSON. Raises ValueError."""
    raise ValueError(name)


def accelerator() -> Any:
    """The module orjson, or None."""
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


_orjson: Final = accelerator()
_loads: Final[Any] = None if _orjson is None else _orjson.loads
_decode: Final = json.JSONDecoder(parse_constant=refuse_constant).decode


def decode(data: bytes) -> Any:
    """The value of a text. Raises ValueError, or RecursionError for one that is too deep."""
    if _loads is not None:
        try:
            return _loads(data)
        except (ValueError, RecursionError):
            pass
    return decode_plainly(data)


def decode_plainly(data: bytes) -> Any:
    """The same by the standard library."""
    return _decode(data.decode("utf-8"))  # a number of 5000 digits is a ValueError too


def quote_plainly(text: str) -> bytes:
    """A string of JSON for a text without lone surrogates, by the standard library."""
    return encode_basestring(text).encode()


# The same, by orjson if that is there.
quoted: Final[Callable[[str], bytes]] = quote_plainly if _orjson is None else _orjson.dumps

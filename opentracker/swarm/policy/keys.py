"""Keys of clients: both protocols ask here whether to serve a request with a key; a key file answers."""

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Keys:
    """Asks for no key; a key file is a subclass."""

    def __init__(self) -> None:
        self.in_force = False  # whether requests need a key

    def check(self, key: bytes, address: bytes) -> None:
        """Raise TrackerFailure, and count it, unless the key is known, and valid for the client's address.

        The key is empty if there was none; the address has 4 or 16 bytes.
        """

"""The server names and the expiry of a certificate, read from its DER form (RFC 5280, 4.1).

Python's `ssl` tells neither of a certificate that it loads for a server. The certificate has been loaded by OpenSSL
before, so this reader looks at the few fields that it needs, and raises ValueError for any other form.
"""

import re
import ssl
from datetime import UTC, datetime
from typing import Final

# Tags of DER.
BOOLEAN: Final = 0x01
OID: Final = 0x06
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
VERSION: Final = 0xA0
EXTENSIONS: Final = 0xA3
DNS_NAME: Final = 0x82

SUBJECT_ALT_NAME: Final = bytes.fromhex("551d11")  # 2.5.29.17
FIRST_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
LONG: Final = 0x80  # the bit of a length that takes further bytes


class Certificate:
    """The facts of a certificate that a server needs: `not_after` is in seconds since 1970."""

    def __init__(self, names: list[str], not_after: float) -> None:
        self.names = names
        self.not_after = not_after


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """The tags and the contents of the elements that `data` is made of. Raises ValueError."""
    found = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element is cut short")
        tag, length, start = data[at], data[at + 1], at + 2
        if length & LONG:
            more = length & ~LONG
            length = int.from_bytes(data[start : start + more], "big")
            start += more
        at = start + length
        if at > len(data):
            raise ValueError("an element is cut short")
        found.append((tag, data[start:at]))
    return found


def parse_time(tag: int, text: bytes) -> float:
    """The seconds since 1970 of a time. Raises ValueError."""
    form = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(tag)
    if form is None:
        raise ValueError("no time where one belongs")
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp()


def alternative_names(extensions: bytes) -> list[str]:
    """The DNS names among the subject's alternative names, in lower case."""
    for _, extension in elements(elements(extensions)[0][1]):
        parts = elements(extension)
        if parts[0] == (OID, SUBJECT_ALT_NAME):
            names = elements(elements(parts[-1][1])[0][1])
            return [name.decode("ascii").lower() for tag, name in names if tag == DNS_NAME]
    return []


def parse_certificate(der: bytes) -> Certificate:
    """Read a certificate. Raises ValueError."""
    try:
        fields = elements(elements(elements(der)[0][1])[0][1])
        if fields[0][0] == VERSION:
            fields = fields[1:]
        # From here: serial number, signature algorithm, issuer, validity, subject, key.
        not_after = parse_time(*elements(fields[3][1])[1])
        names = [name for tag, field in fields if tag == EXTENSIONS for name in alternative_names(field)]
    except IndexError as error:
        raise ValueError("a field is missing") from error
    return Certificate(names, not_after)


def first_certificate(pem: str) -> Certificate:
    """Read the first certificate of a PEM file, which is the server's own. Raises ValueError."""
    found = FIRST_CERTIFICATE.search(pem)
    if found is None:
        raise ValueError("no certificate is in the file")
    return parse_certificate(ssl.PEM_cert_to_DER_cert(found[0]))

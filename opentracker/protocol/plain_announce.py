"""The announce that most clients send, read in one pass over its bytes, for compiled builds.

`PlainReader.read` gives the same result as `http.parse_request` and `query.parse_announce` for one whole
`GET /announce?…` without anything unusual (a test compares the two). It refuses all other requests, which those two
functions then parse; a refusal costs time and nothing else.

Interpreted, a loop over bytes costs ten times what the methods of bytes do.
"""

from typing import Final

from librt.strings import BytesWriter, read_i32_le, read_i64_le
from mypy_extensions import i64, u8

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_PEERS_HTTP,
    OT_MAX_REQUEST,
    WANT_IP_FROM_PROXY,
    WANT_IP_FROM_QUERY_STRING,
    WANT_KEEPALIVE,
)
from opentracker.protocol.addresses import HIGHEST_PORT
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)

PADDING: Final = 16  # bytes that the buffer has behind the input, since the reader reads whole words
MOST_FIELDS: Final = 32
MOST_DIGITS: Final = 18
DEFAULT_NUMWANT: Final = min(OT_DEFAULT_NUMWANT, OT_MAX_PEERS_HTTP)
LOWEST_STORED_PORT: Final = 2  # see query

HEAD_END: Final = b"\r\n\r\n"
M16: Final = 0xFFFF
M24: Final = 0xFFFFFF
M48: Final = 0xFFFFFFFFFFFF
M56: Final = 0xFFFFFFFFFFFFFF
# Words as they are read, the first byte lowest; a literal of more than 62 bits would be a boxed object.
GET_AN: Final[i64] = 0x6E612F20544547  # "GET /announce?" in two words of seven bytes
NOUNCE: Final[i64] = 0x3F65636E756F6E
REQUEST_SIZE: Final = 14
EMPTY_LINE: Final[i64] = 0x0A0D0A0D  # "\r\n\r\n"
HTTP_1_0: Final[i64] = 0x302E312F50545448  # "HTTP/1.0" as it is read, the first byte lowest
HTTP_1_1: Final[i64] = 0x312E312F50545448
NO_DIGIT: Final = 16
HEX: Final = bytes(
    int(chr(byte), 16) if chr(byte) in "0123456789abcdefABCDEF" else NO_DIGIT for byte in range(256)
)

# The keys that mean something, by their first four bytes; and the rest of those that are longer.
INFO: Final[i64] = 0x6F666E69
PEER: Final[i64] = 0x72656570
PORT: Final[i64] = 0x74726F70
LEFT: Final[i64] = 0x7466656C
EVEN: Final[i64] = 0x6E657665
NUMW: Final[i64] = 0x776D756E
IP: Final[i64] = 0x3D7069  # "ip="
HASH: Final[i64] = 0x3D687361685F  # "_hash="
ID: Final[i64] = 0x3D64695F  # "_id="
ANT: Final[i64] = 0x746E61  # "ant"
T: Final[i64] = 0x3D74  # "t="

# Headers that mean something, by their first four bytes in lower case.
CONT: Final[i64] = 0x746E6F63  # Content-Length,
TRAN: Final[i64] = 0x6E617274  # Transfer-Encoding
CONN: Final[i64] = 0x6E6E6F63  # Connection
LOWER: Final[i64] = 0x20202020

# "connection: keep-alive" and "connection: close" behind the first four bytes; "ALI" and "LIVE" overlap.
ECTI: Final[i64] = 0x69746365
ON: Final[i64] = 0x203A6E6F
KEEP: Final[i64] = 0x7065656B
ALI: Final[i64] = 0x696C612D
LIVE: Final[i64] = 0x6576696C
CLOS: Final[i64] = 0x736F6C63
E: Final = 0x65
# X-Forwarded-For, in four words, the last one with its colon.
X_FO: Final[i64] = 0x6F662D78
RWAR: Final[i64] = 0x72617772
DED: Final[i64] = 0x2D646564
FOR: Final[i64] = 0x3A726F66
SIZE4: Final = 4  # bytes of an IPv4 address

BLANKS: Final[i64] = 0x2020202020202020  # a word of spaces, and one of ones
ONES: Final[i64] = 0x0101010101010101

PERCENT: Final = 0x25
AMPERSAND: Final = 0x26
EQUALS: Final = 0x3D
SPACE: Final = 0x20
DOT: Final = 0x2E
TAB: Final = 0x09
CR: Final = 0x0D
LF: Final = 0x0A


class PlainReader:
    """Reads plain announces out of a buffer, and holds the parts of a request that Announce has no field for."""

    __slots__ = (
        "at",
        "end",
        "forwarded",
        "has_connection",
        "hashes",
        "headers",
        "keep_alive",
        "port",
        "start",
        "value",
    )

    def __init__(self) -> None:
        self.value = BytesWriter()  # the value that was decoded last
        self.at: i64 = 0
        self.hashes: i64 = 0
        self.port: i64 = 0
        self.start: i64 = 0  # of the request
        self.end: i64 = 0  # the index behind the request
        self.keep_alive = False  # the client's wish
        self.has_connection = False  # whether there was a Connection header
        self.headers: i64 = 0  # the number of headers whose names begin as X-Forwarded-For
        self.forwarded = b""  # the only address of the only such header, if it is an IPv4 address; else empty

    def read(self, data: bytes, start: i64, size: i64, a: Announce) -> bool:
        """Read a plain announce at `start` of `size` bytes into `a`, all but `peer`; False if there is none.

        PADDING bytes of any value have to follow the `size` bytes.
        """
        if read_i64_le(data, start) & M56 != GET_AN or read_i64_le(data, start + 7) & M56 != NOUNCE:
            return False
        # No loop below passes an empty line. There is one at the end of most inputs, so there is no need to search.
        if size - start < REQUEST_SIZE + len(HEAD_END):
            return False
        if (
            i64(read_i32_le(data, size - len(HEAD_END))) != EMPTY_LINE
            and data.find(HEAD_END, start, size) < 0
        ):
            return False
        self.start = start
        self.at = start + REQUEST_SIZE
        self.hashes = 0
        self.port = 0
        if WANT_IP_FROM_PROXY:
            self.headers = 0
            self.forwarded = b""
        a.peer_id = b""
        a.seeding = False
        a.event = EVENT_NONE
        a.numwant = DEFAULT_NUMWANT
        a.both_families = True
        a.url_data = b""
        return (
            self.read_query(data, a)
            and self.hashes == 1
            and self.read_headers(data)
            and self.end - start <= OT_MAX_REQUEST
        )

    def place(self, address: bytes, a: Announce) -> None:
        """Give the announce its peer, which is at `address`."""
        value = self.value
        value.truncate(0)
        value.write(address)
        value.append(u8(self.port >> 8))
        value.append(u8(self.port & 255))
        a.peer = value.getvalue()
        a.stored = self.port >= LOWEST_STORED_PORT

    def read_query(self, data: bytes, a: Announce) -> bool:
        """Read the fields, up to the space behind the last one."""
        fields: i64 = 0
        while fields < MOST_FIELDS:
            if not self.read_field(data, i64(read_i32_le(data, self.at)), a):
                return False
            byte: i64 = data[self.at]
            self.at += 1
            if byte == SPACE:
                return True
            if byte != AMPERSAND:
                return False
            fields += 1
        return False

    def read_field(self, data: bytes, key: i64, a: Announce) -> bool:
        """Read one field, up to the byte behind it; `key` is its first four bytes."""
        at = self.at
        if key == INFO:
            if read_i64_le(data, at + 4) & M48 != HASH:
                return False
            self.hashes += 1
            if not self.decode(data, at + 10) or len(self.value) != 20:
                return False
            a.info_hash = self.value.getvalue()
            return True
        if key == PEER:
            if i64(read_i32_le(data, at + 4)) != ID or not self.decode(data, at + 8):
                return False
            a.peer_id = self.value.getvalue() if len(self.value) == 20 else b""
            return True
        if key == PORT:
            self.port = self.read_number(data, at + 4)
            return 0 <= self.port <= HIGHEST_PORT
        if key == LEFT:
            left = self.read_number(data, at + 4)
            a.seeding = left == 0
            return left >= 0
        if key == NUMW:
            if read_i32_le(data, at + 4) & M24 != ANT:
                return False
            numwant = self.read_number(data, at + 7)
            a.numwant = numwant if numwant < OT_MAX_PEERS_HTTP else OT_MAX_PEERS_HTTP
            return numwant >= 0
        if key == EVEN:
            return read_i32_le(data, at + 4) & M16 == T and self.read_event(data, at + 6, a)
        if WANT_IP_FROM_QUERY_STRING and key & 0xFFFFFF == IP:
            return False
        while data[at] > AMPERSAND or SPACE < data[at] < PERCENT:  # a percent sign may hide a key
            at += 1
        self.at = at
        return True

    def decode(self, data: bytes, at: i64) -> bool:
        """Decode the value at `at` into `value`; False for a broken escape."""
        value = self.value
        value.truncate(0)
        while True:
            byte: i64 = data[at]
            if byte == PERCENT:
                high: i64 = HEX[data[at + 1]]
                low: i64 = HEX[data[at + 2]]
                if (high | low) & NO_DIGIT:
                    return False
                value.append(u8(high << 4 | low))
                at += 3
            elif byte == AMPERSAND or byte <= SPACE:
                self.at = at
                return True
            else:
                value.append(u8(byte))
                at += 1

    def read_number(self, data: bytes, at: i64) -> i64:
        """The decimal number behind the equals sign at `at`; -1 if there is none, or one of too many digits."""
        if data[at] != EQUALS:
            return -1
        at += 1
        first = at
        number: i64 = 0
        while 0x30 <= data[at] <= 0x39 and at - first < MOST_DIGITS:
            number = number * 10 + data[at] - 0x30
            at += 1
        self.at = at  # read_query refuses whatever follows the last digit and does not end a field, a 19th digit too
        return number if at > first else -1

    def read_event(self, data: bytes, at: i64, a: Announce) -> bool:
        """Read the value of `event`, up to the byte behind it."""
        if data.startswith(b"started", at):
            a.event = EVENT_STARTED
            self.at = at + 7
        elif data.startswith(b"completed", at):
            a.event = EVENT_COMPLETED
            self.at = at + 9
        elif data.startswith(b"stopped", at):
            a.event = EVENT_STOPPED
            self.at = at + 7
        elif data.startswith(b"paused", at):
            a.event = EVENT_PAUSED
            self.at = at + 6
        else:  # an unknown event does not end here, so read_query refuses it; an empty one does
            a.event = EVENT_NONE
            self.at = at
        return True

    def read_headers(self, data: bytes) -> bool:
        """Read the version and the headers; False for a control character or a header that announces a body."""
        at = self.at + 8
        version = read_i64_le(data, self.at)
        if version not in (HTTP_1_1, HTTP_1_0) or data[at] != CR:
            return False
        if WANT_KEEPALIVE:
            self.keep_alive = version == HTTP_1_1
            self.has_connection = False
        while True:
            word = read_i64_le(data, at)
            # A nonzero bit marks a byte below a space; a borrow may also mark the byte above it.
            if ((word - BLANKS) & ~word) >> 7 & ONES == 0:
                at += 8
                continue
            byte: i64 = data[at]
            if byte >= SPACE or byte == TAB:
                at += 1
            elif byte != CR or data[at + 1] != LF:
                return False
            else:
                at += 2
                if data[at] == CR and data[at + 1] == LF:
                    self.end = at + 2
                    return True
                if not self.allows_header(data, at):
                    return False

    def allows_header(self, data: bytes, at: i64) -> bool:
        """Whether the line at `at` is a header without effect here, or a Connection header with one known value."""
        if data[at] <= SPACE:  # a folded line
            return False
        name = i64(read_i32_le(data, at)) | LOWER
        if WANT_KEEPALIVE and name == CONN:
            return self.read_connection(data, at)
        if WANT_IP_FROM_PROXY and name == X_FO:
            self.read_forwarded(data, at)
        return name not in (CONT, TRAN)

    def read_connection(self, data: bytes, at: i64) -> bool:
        """Read the only Connection header; False if it is another one, or has an unusual value.

        Control characters that are taken for others here are refused by `read_headers`.
        """
        if self.has_connection or not is_word(data, at + 4, ECTI) or not is_word(data, at + 8, ON):
            return False
        self.has_connection = True
        self.keep_alive = (
            is_word(data, at + 12, KEEP) and is_word(data, at + 16, ALI) and is_word(data, at + 18, LIVE)
        )
        if self.keep_alive:
            return data[at + 22] == CR
        return is_word(data, at + 12, CLOS) and data[at + 16] | 0x20 == E and data[at + 17] == CR

    def read_forwarded(self, data: bytes, at: i64) -> None:
        """Read a header X-Forwarded-For of one IPv4 address into `forwarded`.

        Of all others, and if there are several, `forwarded` is left empty.
        """
        value = self.value
        value.truncate(0)
        self.forwarded = b""
        self.headers += 1
        if self.headers > 1:
            return
        if not (is_word(data, at + 4, RWAR) and is_word(data, at + 8, DED) and is_word(data, at + 12, FOR)):
            return
        at += 16
        if data[at] != SPACE:
            return
        while len(value) < SIZE4:
            at += 1
            first = at
            part: i64 = 0
            while 0x30 <= data[at] <= 0x39 and at - first < 3:
                part = part * 10 + data[at] - 0x30
                at += 1
            if at == first or part > 255 or (data[first] == 0x30 and at - first > 1):
                return
            value.append(u8(part))
            if data[at] != (DOT if len(value) < SIZE4 else CR):
                return
        self.forwarded = value.getvalue()


def is_word(data: bytes, at: i64, word: i64) -> bool:
    """Whether four bytes, in lower case, are a word of letters and other bytes with the same bit set."""
    return i64(read_i32_le(data, at)) | LOWER == word

"""The text of rows of torrents in one of the formats of a full scrape; that of small counts is cached."""

from typing import Final

from librt.strings import BytesWriter, read_i32_be, read_i32_le, read_i64_le, write_i32_le, write_i64_le
from librt.vecs import vec
from mypy_extensions import i32, i64

from opentracker._features import WANT_COMPILED
from opentracker.protocol.scrape_formats import Format
from opentracker.swarm.listing import Reader
from opentracker.swarm.store.rows import BYTES, KEY, ROW

MOST_REMEMBERED: Final = 4096  # counts whose text is cached, a power of two
SPREAD: Final = (
    0x9E3779B1  # codes that differ in a few bits differ in the middle bits of their products with it
)
MIDDLE: Final = 20
NONE: Final = -1  # in place of a code of small counts, which is not negative


class Texts:
    """Writes rows in one format: a torrent's key, its counts, and the bytes before the next torrent."""

    def __init__(self, form: Format) -> None:
        self.form = form
        self.remembered: dict[bytes, bytes] = {}  # interpreted
        if WANT_COMPILED:
            self.codes = vec[i32]([NONE] * MOST_REMEMBERED)
            self.texts = [b""] * MOST_REMEMBERED

    def write(self, rows: bytes, reader: Reader, out: BytesWriter) -> None:
        """Append the text of joined rows, which are the latest ones of a reader."""
        key_of = self.form.key
        if WANT_COMPILED:
            at: i64 = 0
            end = len(rows)
            while at < end:
                if key_of is None:
                    write_i64_le(out, read_i64_le(rows, at))
                    write_i64_le(out, read_i64_le(rows, at + 8))
                    write_i32_le(out, read_i32_le(rows, at + 16))
                else:
                    out.write(key_of(rows[at : at + KEY]))
                out.write(self.at(rows, at, reader))
                at += ROW
        else:  # interpreted, comprehensions and one `join` cost half of the calls
            remembered, size = self.remembered, len(rows)
            parts = [b""] * (size // ROW * 2)
            keys = [rows[at : at + KEY] for at in range(0, size, ROW)]
            parts[::2] = keys if key_of is None else [key_of(key) for key in keys]
            parts[1::2] = [
                remembered.get(rows[at : at + BYTES]) or self.of(rows[at : at + BYTES], reader)
                for at in range(KEY, size, ROW)
            ]
            out.write(b"".join(parts))

    def at(self, rows: bytes, at: i64, reader: Reader) -> bytes:
        """The text of the counts in the row at an offset, by a table that has one text in each slot."""
        code = read_i32_be(rows, at + KEY)
        slot = (i64(code) * SPREAD >> MIDDLE) & (MOST_REMEMBERED - 1)
        if self.codes[slot] == code:
            return self.texts[slot]
        text = self.render(rows[at + KEY : at + ROW], reader)
        if code >= 0:
            self.codes[slot] = code
            self.texts[slot] = text
        return text

    def of(self, code: bytes, reader: Reader) -> bytes:
        """The text of counts, by a dict."""
        text = self.render(code, reader)
        if code[0] < 128:
            if len(self.remembered) >= MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered[code] = text
        return text

    def render(self, code: bytes, reader: Reader) -> bytes:
        """The text of counts."""
        complete, completed, incomplete = reader.counts(code)
        return self.form.counts(complete, completed, incomplete) + self.form.before

"""Full scrapes by gzip, with the package gzip-stream."""

from typing import Any, Final

from gzip_stream import GZIPCompressedStream

from opentracker.protocol.accept_encoding import Encoder

LEVEL: Final = 7
TIME: Final = slice(4, 8)  # of the header: when it was compressed


class Source:
    """What is to be compressed next, as the package reads it."""

    def __init__(self) -> None:
        self.data = b""

    def read(self, size: int) -> bytes:
        """All of it; nothing ends the stream."""
        data, self.data = self.data, b""
        return data


class Stream(GZIPCompressedStream):  # type: ignore[misc]
    """Compresses one slice at a time; the package's own read() goes on until it has the bytes it was asked for."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, compression_level=LEVEL)
        self.compressed: Any = self._compressed_stream

    def step(self) -> bytes:
        """Read from the source once, and give what has come of it."""
        self._read_n_compress(1)
        data: bytes = self.compressed.read()
        return data

    def header(self) -> bytes:
        """The header, which the first step would throw away; without the time, so that equal scrapes are equal."""
        header = bytearray(self.compressed.read())
        header[TIME] = bytes(4)
        return bytes(header)

    def close(self) -> None:
        """Close the compressor too: collected later, it would find its file closed, and complain."""
        self._compressor.close()
        super().close()


class GzipEncoder(Encoder):
    """See Encoder."""

    def __init__(self) -> None:
        self.source = Source()
        self.stream = Stream(self.source)
        self.start = self.stream.header()

    def feed(self, data: bytes) -> bytes:
        """See Encoder."""
        self.source.data = data
        return self.step()

    def end(self) -> bytes:
        """See Encoder."""
        return self.step()

    def step(self) -> bytes:
        """What has come of the source's data."""
        start, self.start = self.start, b""
        return start + self.stream.step()

    def close(self) -> None:
        """See Encoder."""
        self.stream.close()

"""Full scrapes by zstd, with the standard library's module or its backport."""

import sys
from typing import Final

from opentracker.protocol.accept_encoding import Encoder

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor
else:
    from backports.zstd import CompressionParameter, ZstdCompressor

LEVEL: Final = 6
WINDOW_LOG: Final = (
    17  # 128 KiB of memory for each client: info_hashes repeat nothing; the level's own are 2 MiB
)


class ZstdEncoder(Encoder):
    """See Encoder."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(
            options={
                CompressionParameter.compression_level: LEVEL,
                CompressionParameter.window_log: WINDOW_LOG,
            }
        )

    def feed(self, data: bytes) -> bytes:
        """See Encoder."""
        return self.compressor.compress(data)

    def end(self) -> bytes:
        """See Encoder."""
        return self.compressor.flush()

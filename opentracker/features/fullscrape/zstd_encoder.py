"""Full scrapes by zstd, with the standard library's module or its backport."""

import sys
from typing import Final

from opentracker.protocol.accept_encoding import Encoder

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor
else:
    from backports.zstd import CompressionParameter, ZstdCompressor

LEVEL: Final = 6
# 0.6 MB of memory for each client: a window of 128 KiB, and tables of 128 KiB each. Info_hashes do not repeat, so the
# level's own window of 2 MiB would save nothing, and its own tables, with 3.1 MB in all, only 0.4 %.
WINDOW_LOG: Final = 17
TABLE_LOG: Final = 15


class ZstdEncoder(Encoder):
    """See Encoder."""

    def __init__(self) -> None:
        self.compressor = ZstdCompressor(
            options={
                CompressionParameter.compression_level: LEVEL,
                CompressionParameter.window_log: WINDOW_LOG,
                CompressionParameter.hash_log: TABLE_LOG,
                CompressionParameter.chain_log: TABLE_LOG,
            }
        )

    def feed(self, data: bytes) -> bytes:
        """See Encoder."""
        return self.compressor.compress(data)

    def end(self) -> bytes:
        """See Encoder."""
        return self.compressor.flush()

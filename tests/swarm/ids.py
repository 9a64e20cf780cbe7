"""Connection ids as bytes."""

from librt.strings import BytesWriter

from opentracker.swarm.connection_ids import ConnectionIds


def id_for(ids: ConnectionIds, address: bytes) -> bytes:
    """The id for an address in this epoch."""
    out = BytesWriter()
    ids.append(address, out)
    return out.getvalue()

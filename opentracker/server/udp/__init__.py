"""UDP: sockets that move datagrams in batches, and the responder to datagrams."""

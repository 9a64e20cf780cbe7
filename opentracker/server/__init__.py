"""The sockets and the loop, and the wiring that joins all parts; no other package uses sockets."""

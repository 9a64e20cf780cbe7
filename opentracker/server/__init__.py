"""The only rooms with sockets, and the wiring that joins everything."""

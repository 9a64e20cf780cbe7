"""The control socket's language: lines with commands in, lines of JSON out. The socket is in `server.control`."""

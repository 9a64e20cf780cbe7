"""HTTPS: certificates, handshakes, and the channel of a connection that speaks TLS."""

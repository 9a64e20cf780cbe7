"""HTTP: listeners, connections, and the responder to requests."""

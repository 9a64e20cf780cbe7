"""WebSockets of browsers, on the HTTP and TLS ports."""

"""Connections over TCP, the requests on them, and what answers them."""

"""Bytes to requests and answers to bytes; no socket, no clock, no random source."""

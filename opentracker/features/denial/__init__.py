"""Denial: networks that are not served, from the config, from a file, and through FIFOs."""

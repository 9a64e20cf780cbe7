"""Datagrams in batches, and what answers them."""

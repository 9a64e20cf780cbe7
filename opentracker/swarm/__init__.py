"""Peers, torrents and counters; the clock and the random source come in as arguments."""

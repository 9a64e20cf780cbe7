"""What the tracker knows: peers, torrents, counters; the clock and the random source come in as arguments."""

"""What is found out by walking over all torrents, in slices."""

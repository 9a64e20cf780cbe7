"""How the peers of a torrent lie in memory."""

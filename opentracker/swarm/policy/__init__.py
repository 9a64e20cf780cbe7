"""Policies: which torrents and peers are stored, who sees them, and how many there may be."""

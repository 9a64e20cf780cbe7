"""The store: the memory layout of torrents and their peers."""

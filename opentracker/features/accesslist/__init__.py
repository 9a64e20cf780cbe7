"""Access lists: torrents to serve, or to refuse, and changes of a list while the tracker runs."""

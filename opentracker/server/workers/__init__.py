"""Several processes that serve the same sockets: workers, which own a share of the torrents each, and a supervisor."""

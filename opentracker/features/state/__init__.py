"""The state that outlives a restart: dumps, files of the full state, and writing them."""

"""The store of compiled builds: small torrents are words in flat memory, and an announce makes no object."""

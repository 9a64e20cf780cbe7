"""The store of builds that are not compiled: a record of bytes for each small torrent, blocks of them for large ones."""

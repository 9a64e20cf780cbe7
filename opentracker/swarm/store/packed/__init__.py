"""The store of builds that are not compiled: a record of bytes for a small torrent, blocks of them for a large one."""

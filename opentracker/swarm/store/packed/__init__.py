"""The store of interpreted builds: a record (`bytes`) for a small torrent, blocks of peers for a large swarm."""

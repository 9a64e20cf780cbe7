"""opentracker: a BitTorrent tracker whose features are chosen when the wheel is built."""

"""The cluster: live sync of peers and scrape sync of counts, without sockets."""

"""`python -m opentracker.bridge`: live sync between sites, carried by NATS.

A bridge is a member of its site's cluster. It publishes the packets of the trackers there, a packet a message, as
`opentracker.CLUSTER.SITE`, and tells those trackers what the bridges of other sites publish, every record marked as
having come by sync. Marked records are never published, so nothing goes round, however many bridges a site has.
"""

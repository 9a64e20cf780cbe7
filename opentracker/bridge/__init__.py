"""`python -m opentracker.bridge`: live sync between sites, carried by NATS.

A bridge is a member of its site's cluster. It publishes each packet of the site's trackers as a message with the
subject opentracker.CLUSTER.SITE. It sends the messages of other sites' bridges to the site's trackers, with every
record marked as FROM_SYNC. Marked records are never published, so no record circulates, also if a site has several
bridges.
"""

"""`opentracker.check`: asks trackers what a client asks them, and tells how that went.

A check announces a peer, scrapes, and lets the peer leave again, once over each address family that the tracker's name
has. It knows nothing of our tracker: any tracker of the internet is checked alike.
"""

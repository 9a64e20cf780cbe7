"""`opentracker.check`: sends a client's requests to trackers, and reports the results.

A check announces a peer, scrapes, and removes the peer again, once over each address family of the tracker's name. It
uses nothing that is special to our tracker, so it can check any tracker of the internet.
"""

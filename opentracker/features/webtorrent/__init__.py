"""Browsers as peers: announces, offers and answers over WebSockets."""

"""Keys in announce URLs: a private tracker serves those requests alone that carry a known key."""

"""Statistics modes and the formats that they are given out in."""

"""What members of a cluster tell each other, and what they make of it."""

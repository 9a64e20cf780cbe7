"""Statistics: the modes and their formats."""

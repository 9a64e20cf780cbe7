"""A package with as many kinds of flagged code as it has modules."""

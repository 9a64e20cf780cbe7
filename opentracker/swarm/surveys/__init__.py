"""Surveys: walks over all torrents, in slices, for the statistics."""

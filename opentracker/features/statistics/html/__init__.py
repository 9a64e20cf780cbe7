"""The statistics page for people: widgets, charts and their history."""

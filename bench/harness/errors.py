class BenchError(Exception):
    """Something that the bench cannot go on with; its text is one line for whoever runs it."""

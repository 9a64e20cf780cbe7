"""What can be left out of a build, one module a feature."""

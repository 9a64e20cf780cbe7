"""Features, which can be left out of a build, a module or a folder each, and the statistics, which every build has."""

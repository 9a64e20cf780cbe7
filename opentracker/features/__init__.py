"""What can be left out of a build, one module a feature; and the statistics, which every build has."""

"""The wishes of an operator: settings, the values of options and config keys, config files."""

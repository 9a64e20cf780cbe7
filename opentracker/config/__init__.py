"""Configuration: settings, the values of options and config keys, config files."""

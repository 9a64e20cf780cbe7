"""What an operator asks for: settings, the values of options and config keys, config files."""

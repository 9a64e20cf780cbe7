"""What the operating system has to offer, and takes away: rights, memory, sandbox, logs, the service manager."""

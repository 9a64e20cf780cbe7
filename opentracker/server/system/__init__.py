"""The operating system: rights, memory, sandbox, logs, the service manager."""

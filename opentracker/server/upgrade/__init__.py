"""An upgrade at SIGUSR2: the installed version takes over the sockets and the state, and nothing is lost."""

"""`opentracker.control`: the client of a tracker's control socket. Every wheel has it."""

"""The gauges and histograms that every build has, and those of the limits."""

from typing import Final

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.swarm.counting.metric import LEAST, MOST, Gauge, Histogram

BUILD_INFO: Final = Gauge("opentracker_build_info", "The build, in labels; always 1.", MOST)
UPTIME: Final = Gauge("opentracker_uptime_seconds", "Time since the start.", MOST)
TORRENTS: Final = Gauge("opentracker_torrents", "Torrents that are known.")
PEERS: Final = Gauge("opentracker_peers", "Peers that are known, by address family and role.")
SOCKETS: Final = Gauge("opentracker_sockets", "Sockets that are listened on, by protocol.")
OPEN_CONNECTIONS: Final = Gauge(
    "opentracker_http_open_connections",
    "HTTP connections that outlived one iteration and are still open.",
    people="HTTP connections open",
)

# The loop. One core is the capacity of a process: a rate of 1 busy second a second is all of it.
LONGEST_ITERATION: Final = Gauge(
    "opentracker_loop_longest_iteration_seconds",
    "The longest iteration of the loop since the start: the longest delay of a datagram.",
    MOST,
    people="Longest iteration of the loop",
)
BUSY: Final = Gauge(
    "opentracker_loop_busy_seconds_total", "Time in iterations, without the waits for sockets."
)
FAULTS: Final = Gauge("opentracker_loop_faults_total", "Iterations of the loop that a fault ended.")
LOST_LINES: Final = Gauge(
    "opentracker_log_lost_lines_total", "Lines of the log that were not read in time, and lost."
)
CONFIG_FAILURES: Final = Gauge(
    "opentracker_config_reload_failures_total", "Reloads of the config that failed."
)
CONFIG_FAILED: Final = Gauge(
    "opentracker_config_reload_failed",
    "Whether the last reload of the config failed.",
    MOST,
    "The config could not be read again: the one before is in force.",
    most=0,
)
TASKS: Final = Gauge("opentracker_loop_tasks", "Long tasks that the loop advances in slices.")
ITERATIONS: Final = Histogram(
    "opentracker_loop_iteration_seconds",
    "Lengths of the iterations of the loop.",
    (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)

# Torrents and peers, under `limits.memory`.
MEMORY_COUNTED: Final = Gauge("opentracker_memory_counted_bytes", "Memory of torrents and peers as counted.")
MEMORY_USED: Final = Gauge(
    "opentracker_memory_used_bytes",
    "Growth of the process since its start, without what has other limits.",
    people="Memory of torrents and peers",
)
MEMORY_LIMIT: Final = Gauge(
    "opentracker_memory_limit_bytes",
    "Limit of opentracker_memory_used_bytes; 0: none.",
    people="Limit of that memory",
)

# The process, under the names that Prometheus' own client libraries use.
CPU: Final = Gauge("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
RESIDENT: Final = Gauge(
    "process_resident_memory_bytes", "Resident memory size in bytes.", people="Memory of the process"
)
OPEN_FDS: Final = Gauge("process_open_fds", "Number of open file descriptors.", people="Open descriptors")
MAX_FDS: Final = Gauge("process_max_fds", "Maximum number of open file descriptors.", LEAST)
START_TIME: Final = Gauge(
    "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", LEAST
)

RENEWALS: Final = Histogram(
    "opentracker_renewal_age_seconds",
    "Time since peers that renew were last heard of.",
    tuple([float(60 * minute) for minute in range(5, OT_PEER_TIMEOUT + 1, 5)]),
)
PEERS_PER_TORRENT: Final = Histogram(
    "opentracker_torrent_peers",
    "Peers of a torrent, over all torrents.",
    (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000),
)

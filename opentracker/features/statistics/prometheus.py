"""`mode=prometheus`: the text exposition format, version 0.0.4. Base units; names of counters end in `_total`."""

from typing import Final

from opentracker._features import OT_PEER_TIMEOUT, WANT_V4_ONLY, WANT_V6
from opentracker.features.statistics.page import CENSUS, Renderer, Rendering
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import StatsSnapshot

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

# Metric -> (help, samples): a sample is labels and the counter behind it.
Samples = tuple[tuple[str, str], ...]
COUNTERS: Final[tuple[tuple[str, str, Samples], ...]] = (
    (
        "opentracker_announces_total",
        "Announces that were answered, by protocol.",
        (('protocol="http"', "tcp_announces"), ('protocol="udp"', "udp_announces")),
    ),
    (
        "opentracker_scrapes_total",
        "Scrapes that were answered, by protocol.",
        (('protocol="http"', "tcp_scrapes"), ('protocol="udp"', "udp_scrapes")),
    ),
    (
        "opentracker_failures_total",
        "Requests that were turned down with a reason, by protocol.",
        (('protocol="http"', "tcp_failures"), ('protocol="udp"', "udp_failures")),
    ),
    ("opentracker_completed_total", "Downloads that were completed.", (("", "completed"),)),
    ("opentracker_udp_connects_total", "Connection ids handed out.", (("", "udp_connects"),)),
    (
        "opentracker_udp_rejected_total",
        "Datagrams that were no request, or had no good connection id.",
        (('reason="invalid"', "udp_invalid"), ('reason="connection_id"', "udp_mismatches")),
    ),
    ("opentracker_udp_datagrams_total", "Datagrams that were read.", (("", "udp_datagrams"),)),
    (
        "opentracker_udp_lost_total",
        "Datagrams lost: dropped by the kernel as the buffer was full, or not sent as it refused.",
        (('direction="in"', "udp_dropped"), ('direction="out"', "udp_unsent")),
    ),
    ("opentracker_udp_receive_errors_total", "Errors of UDP sockets.", (("", "udp_errors"),)),
    ("opentracker_http_connections_total", "TCP connections that were accepted.", (("", "tcp_connections"),)),
    (
        "opentracker_http_errors_total",
        "HTTP requests that were turned down, by status.",
        (
            ('status="400",cause="request"', "http_400_parse"),
            ('status="400",cause="parameter"', "http_400_parameter"),
            ('status="402",cause="modesty"', "http_402"),
            ('status="403",cause="access"', "http_403"),
            ('status="404",cause="path"', "http_404"),
            ('status="405",cause="method"', "http_405"),
            ('status="414",cause="length"', "http_414"),
            ('status="431",cause="length"', "http_431"),
            ('status="500",cause="server"', "http_500"),
            ('status="503",cause="busy"', "http_503"),
        ),
    ),
    (
        "opentracker_http_unknown_clients_total",
        "Requests in which a trusted proxy names no client.",
        (("", "http_unknown_clients"),),
    ),
    ("opentracker_http_redirects_total", "Requests for / that were sent elsewhere.", (("", "http_302"),)),
    (
        "opentracker_limits_total",
        "What was not taken in, or had to go, because of a limit.",
        (
            ('limit="torrents"', "refused_torrents"),
            ('limit="peers"', "refused_peers"),
            ('limit="peers_of_a_torrent"', "refused_torrent_full"),
            ('limit="ports_of_an_address"', "refused_ports"),
            ('limit="memory"', "refused_memory"),
            ('limit="connections"', "refused_connections"),
            ('limit="evictions"', "evicted_torrents"),
            ('limit="unroutable_addresses"', "refused_bogons"),
        ),
    ),
    ("opentracker_statistics_total", "Statistics that were asked for.", (("", "tcp_statistics"),)),
    ("opentracker_full_scrapes_total", "Full scrapes that were begun.", (("", "full_scrapes"),)),
    ("opentracker_full_scrape_bytes_total", "Bytes sent for full scrapes.", (("", "full_scrape_bytes"),)),
    (
        "opentracker_sync_packets_total",
        "Packets of live sync.",
        (
            ('direction="received"', "sync_packets_received"),
            ('direction="sent"', "sync_packets_sent"),
            ('direction="dropped"', "sync_packets_dropped"),
        ),
    ),
    (
        "opentracker_sync_faults_total",
        "Packets of live sync that were dropped or lost, by what was wrong.",
        (
            ('cause="malformed"', "sync_malformed"),
            ('cause="not_blessed"', "sync_unblessed"),
            ('cause="lost"', "sync_lost"),
            ('cause="unsent"', "sync_unsent"),
        ),
    ),
    (
        "opentracker_sync_peers_total",
        "Peers in packets of live sync.",
        (
            ('direction="received"', "sync_peers_received"),
            ('direction="sent"', "sync_peers_sent"),
            ('direction="dropped"', "sync_peers_dropped"),
        ),
    ),
)

MEMORY: Final = "Memory of torrents and peers as counted, what the process has grown by, the limit (0: none)."


def family(name: str, kind: str, text: str, samples: list[tuple[str, str]]) -> str:
    """A metric with its samples: labels, which may be empty, and a value."""
    lines = [f"# HELP {name} {text}\n# TYPE {name} {kind}\n"]
    for labels, value in samples:
        lines.append(f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n")
    return "".join(lines)


def gauge(name: str, text: str, value: str) -> str:
    """A metric with one value that goes up and down."""
    return family(name, "gauge", text, [("", value)])


def peers(census: Census) -> str:
    """Peers, by family and kind."""
    samples = []
    if not WANT_V6:
        samples += [("ipv4", "seeder", census.seeders4), ("ipv4", "leecher", census.leechers4)]
    if not WANT_V4_ONLY:
        samples += [("ipv6", "seeder", census.seeders6), ("ipv6", "leecher", census.leechers6)]
    shown = [(f'family="{kind}",role="{role}"', str(count)) for kind, role, count in samples]
    return family("opentracker_peers", "gauge", "Peers that are known, by address family and role.", shown)


def renewals(figures: StatsSnapshot) -> str:
    """How old peers were when they renewed, as a histogram. Minutes are whole, so the sum is of their middles."""
    name = "opentracker_renewal_age_seconds"
    below = 0
    total = 0.0
    samples = []
    for age, count in enumerate(figures.renewals):
        below += count
        total += count * (age + 0.5) * 60
        if age < OT_PEER_TIMEOUT and age % 5 == 4:
            samples.append((f'le="{(age + 1) * 60}"', str(below)))
    lines = [f"# HELP {name} Time since peers that renew were last heard of.\n# TYPE {name} histogram\n"]
    for labels, value in [*samples, ('le="+Inf"', str(below))]:
        lines.append(f"{name}_bucket{{{labels}}} {value}\n")
    lines.append(f"{name}_sum {total}\n{name}_count {below}\n")
    return "".join(lines)


def escaped(value: str) -> str:
    """A label's value."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def prometheus(figures: StatsSnapshot) -> bytes:
    """The whole exposition."""
    census = figures.counted()
    build = [(f'version="{escaped(figures.version)}"', "1")]
    parts = [
        family("opentracker_build_info", "gauge", "What this build is.", build),
        gauge("opentracker_uptime_seconds", "Time since the start.", str(figures.uptime)),
        gauge("opentracker_torrents", "Torrents that are known.", str(census.torrents)),
        peers(census),
        family(
            "opentracker_sockets",
            "gauge",
            "Sockets that are listened on, by protocol.",
            [('protocol="tcp"', str(figures.tcp_sockets)), ('protocol="udp"', str(figures.udp_sockets))],
        ),
        gauge(
            "opentracker_http_open_connections",
            "HTTP connections that could not be answered in one go and are still open.",
            str(figures.connections),
        ),
        gauge(
            "opentracker_loop_longest_turn_seconds",
            "The longest time, since the start, in which nobody else was served.",
            f"{figures.longest_turn:.6f}",
        ),
        gauge("opentracker_loop_work", "Long work that is done in slices right now.", str(figures.work)),
    ]
    if figures.memory:
        kinds = [(f'kind="{kind}"', str(size)) for kind, size in figures.memory.items()]
        parts.append(family("opentracker_memory_bytes", "gauge", MEMORY, kinds))
    for name, text, samples in COUNTERS:
        shown = [(labels, str(figures.counters[counter])) for labels, counter in samples]
        parts.append(family(name, "counter", text, shown))
    parts.append(renewals(figures))
    return "".join(parts).encode()


MODES: Final[dict[str, Renderer]] = {"prometheus": Rendering((CENSUS,), prometheus, CONTENT_TYPE)}

"""The counters of live sync, and the gauges of each member of a cluster."""

from typing import Final

from opentracker.swarm.counting.metric import LEAST, SYNC, Family, Gauge, Metric

PACKETS: Final = Family("opentracker_sync_packets_total", "Good packets of live sync, by direction.")
DROPPED_PACKETS: Final = Family(
    "opentracker_sync_dropped_packets_total", "Packets of live sync that were read and dropped."
)
FAULTS: Final = Family(
    "opentracker_sync_faults_total", "Packets of live sync that were dropped or lost, by reason."
)
PEERS: Final = Family("opentracker_sync_peers_total", "Peers in packets of live sync, by direction.")
DROPPED_PEERS: Final = Family(
    "opentracker_sync_dropped_peers_total", "Peers that came by live sync and were not taken."
)

COUNTERS: Final = (
    Metric("sync_packets_received", PACKETS, 'direction="in"', "Packets received", SYNC),
    Metric("sync_packets_dropped", DROPPED_PACKETS, "", "Packets read and dropped", SYNC),
    Metric("sync_malformed", FAULTS, 'reason="malformed"', "Malformed packets", SYNC),
    Metric(
        "sync_unblessed", FAULTS, 'reason="not_blessed"', "Packets of addresses that may not send them", SYNC
    ),
    Metric("sync_lost", FAULTS, 'reason="kernel"', "Packets dropped by the kernel", SYNC),
    Metric("sync_packets_sent", PACKETS, 'direction="out"', "Packets sent", SYNC),
    Metric("sync_unsent", FAULTS, 'reason="unsent"', "Packets that the kernel did not take", SYNC),
    Metric("sync_peers_received", PEERS, 'direction="in"', "Peers received", SYNC),
    Metric("sync_peers_dropped", DROPPED_PEERS, "", "Peers received and not taken", SYNC),
    Metric("sync_peers_sent", PEERS, 'direction="out"', "Peers sent", SYNC),
)

# By member, in the label `member`; members beyond the table together as "others".
LONGEST_SILENCE: Final = 300.0  # seconds; a busy member sends every 15 s, an idle one when a client announces
MEMBER_PACKETS: Final = Gauge("opentracker_sync_member_packets_total", "Good packets of a member.")
MEMBER_BYTES: Final = Gauge("opentracker_sync_member_bytes_total", "Bytes of the good packets of a member.")
MEMBER_SILENCE: Final = Gauge(
    "opentracker_sync_member_silence_seconds",
    "Time since the latest good packet of a member, or since the start if none has come.",
    *(LEAST, "The member {} of the cluster is silent.", float("-inf"), LONGEST_SILENCE),
    people="Since the latest packet of {}",
)

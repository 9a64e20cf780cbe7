"""A datagram in, its answer out, without a socket."""

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import (
    WANT_AUTH_KEYS,
    WANT_BOGON_FILTER,
    WANT_DENY,
    WANT_LOG_NETWORKS,
    WANT_LOG_NUMWANT,
    WANT_PROXY_PROTOCOL,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.messages import Announce
from opentracker.protocol.udp import (
    ANNOUNCE,
    CONNECT,
    MISMATCH,
    SHORTEST_ANSWERABLE,
    SILENCE,
    action_of,
    numwant_of,
    parse_announce,
    parse_url_data,
    scrape_count,
    write_announce,
    write_connect_head,
    write_error,
    write_scrape_entry,
    write_scrape_head,
)
from opentracker.swarm.connection_ids import ConnectionIds
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker

if WANT_AUTH_KEYS:
    from opentracker.protocol.keyed_urls import key_of_url_data

if WANT_PROXY_PROTOCOL:
    from opentracker.protocol.proxied import SIMPLE_SIZE, simple_client
    from opentracker.server.http.proxy_heads import ProxyHeads, is_served


class UdpResponder:
    """Answers datagrams from a tracker; one serves all UDP sockets of a process."""

    def __init__(self, tracker: Tracker, ids: ConnectionIds, counters: Counters) -> None:
        self.tracker = tracker
        self.ids = ids
        self.counters = counters
        self.request = Announce(both_families=False)
        if WANT_PROXY_PROTOCOL:
            self.proxy_heads: ProxyHeads | None = None

    def answer(  # noqa: PLR0912 - a call each would cost more
        self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter
    ) -> None:
        """Append the answer to a datagram from `address` (4 or 16 bytes) to `out`, or nothing, to stay silent.

        The datagram is the first `size` bytes of `packet`.
        """
        if WANT_PROXY_PROTOCOL and self.answer_proxied(packet, size, address, minute, out):
            return
        if WANT_DENY and self.tracker.denial.in_force and self.is_denied(address):
            return
        action = action_of(packet, size)
        counters = self.counters
        if action == SILENCE:
            counters.udp_invalid += 1
            return
        if action == CONNECT:
            counters.udp_connects += 1
            if WANT_LOG_NETWORKS:
                self.tracker.busy.add(address)
            write_connect_head(out, packet)
            self.ids.append(address, out)
        elif not self.ids.accepts(packet, address):
            counters.udp_mismatches += 1
            if size >= SHORTEST_ANSWERABLE:
                write_error(out, packet, MISMATCH)
        elif (
            WANT_AUTH_KEYS
            and self.tracker.keys.in_force
            and not self.has_key(action, packet, size, address, out)
        ):
            counters.udp_failures += 1
        elif action == ANNOUNCE:
            if not WANT_LOG_NUMWANT and not WANT_BOGON_FILTER:
                numwant = numwant_of(packet, address)
                if self.tracker.answer_udp(packet, address, numwant, minute, out):
                    counters.udp_announces += 1
                    return
            a = self.request
            parse_announce(packet, size, address, a)
            if WANT_LOG_NUMWANT:
                self.tracker.numwants[a.numwant] += 1
            try:
                self.tracker.announce(a, minute)
            except TrackerFailure as failure:
                counters.udp_failures += 1
                write_error(out, packet, failure.reason)
                return
            counters.udp_announces += 1
            write_announce(out, packet, a)
        else:
            counters.udp_scrapes += 1
            self.scrape(packet, size, out)

    def answer_proxied(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> bool:
        """Answer a datagram with the simple head of a trusted proxy, under the same head; False if it has none."""
        if WANT_PROXY_PROTOCOL:
            heads = self.proxy_heads
            client = simple_client(packet, size) if heads is not None else b""
            if heads is None or not client or not heads.are_due(address):
                return False
            if not is_served(client):
                self.counters.udp_invalid += 1
                return True
            begin = len(out)
            out.write(packet[:SIMPLE_SIZE])
            self.answer(packet[SIMPLE_SIZE:size], size - SIMPLE_SIZE, client, minute, out)
            if len(out) == begin + SIMPLE_SIZE:
                out.truncate(begin)
            return True
        return False

    def is_denied(self, address: bytes) -> bool:
        """Whether an address is not served; its datagram is counted, and stays unanswered as it may be forged."""
        if WANT_DENY:
            denial = self.tracker.denial
            if denial.holds(address):
                denial.udp.value += 1
                return True
        return False

    def bring_near(self, packets: list[bytes], addresses: list[bytes], count: i64) -> None:
        """Bring the torrents of the first `count` datagrams into the CPU's caches; see Store.bring_near."""
        self.tracker.store.bring_near(packets, addresses, count)

    def has_key(self, action: i64, packet: bytes, size: i64, address: bytes, out: BytesWriter) -> bool:
        """Whether a request has a valid key; else append the error. A scrape has no room for a key (BEP 41)."""
        if WANT_AUTH_KEYS:
            try:
                url_data = parse_url_data(packet, size) if action == ANNOUNCE else b""
                self.tracker.keys.check(key_of_url_data(url_data), address)
            except TrackerFailure as failure:
                write_error(out, packet, failure.reason)
                return False
        return True

    def scrape(self, packet: bytes, size: i64, out: BytesWriter) -> None:
        """Answer a scrape with a good connection id."""
        write_scrape_head(out, packet)
        at: i64 = 16
        for _ in range(scrape_count(size)):
            complete, downloaded, incomplete = self.tracker.scrape(packet[at : at + 20])
            write_scrape_entry(out, complete, downloaded, incomplete)
            at += 20

"""Clusters of trackers in network namespaces: exact counts after announces, with losses, and across the bridge.

Makes its own networks, for root on Linux: `python bench/cluster.py --help`. Every node is the tracker that this Python
imports, a build with WANT_SYNC_LIVE; its report is one line of JSON for each stage, and then a verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

MAGIC: Final = 0x41727101980
PATIENCE: Final = 40.0  # seconds
NONE, STARTED, STOPPED = 0, 2, 3
PORT: Final = 6969
SYNC_PORT: Final = 9696
RELAY_PORT: Final = 9700


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/cluster.py", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument(
        "--announces", type=int, default=10000, help="spread over the nodes (default: %(default)s)"
    )
    parser.add_argument("--torrents", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument(
        "--relay",
        action="store_true",
        help="nodes send to a relay that may lose and double, not by multicast",
    )
    parser.add_argument("--loss", type=float, default=0.0, help="percent of packets that the relay loses")
    parser.add_argument("--double", type=float, default=0.0, help="percent of packets that it sends twice")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="how often every peer announces, at most: until the counts are exact (default: 1)",
    )
    parser.add_argument(
        "--ipv6", action="store_true", help="the cluster's own network is IPv6; so are all peers"
    )
    parser.add_argument("--bridge", action="store_true", help="the last node is at another site, over NATS")
    parser.add_argument("--restart", action="store_true", help="restart a node in the middle")
    parser.add_argument("--workers", type=int, default=1, help="of each node (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Host:
    """A network namespace with one interface on the network of a site."""

    def __init__(self, site: Site, number: int) -> None:
        self.site = site
        self.address = site.address(number)
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, "a namespace")
        until(lambda: Path(f"/proc/{self.holder.pid}/comm").read_text() == "sleep\n", "a namespace's holder")
        near, far = f"n{site.number}x{number}", f"f{site.number}x{number}"
        ip("link", "add", near, "type", "veth", "peer", "name", far)
        ip("link", "set", near, "master", site.bridge, "up")
        ip("link", "set", far, "netns", str(self.holder.pid))
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", f"{site.address4(number)}/24", "dev", far)
        self.run("ip", "addr", "add", f"{site.address6(number)}/64", "dev", far, "nodad")
        self.run("ip", "link", "set", far, "up")

    @property
    def enter(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def run(self, *command: str) -> None:
        subprocess.run([*self.enter, *command], check=True)

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()


class Site:
    """A network: a bridge, on which we have an address ourselves."""

    def __init__(self, number: int, ipv6: bool) -> None:
        self.number = number
        self.ipv6 = ipv6
        self.bridge = f"site{number}"
        ip("link", "add", self.bridge, "type", "bridge", "mcast_snooping", "0")
        ip("addr", "add", f"{self.address4(254)}/24", "dev", self.bridge)
        ip("addr", "add", f"{self.address6(254)}/64", "dev", self.bridge, "nodad")
        ip("link", "set", self.bridge, "up")

    def address4(self, number: int) -> str:
        return f"10.77.{self.number}.{number}"

    def address6(self, number: int) -> str:
        return f"fd77:{self.number}::{number:x}"

    def address(self, number: int) -> str:
        return self.address6(number) if self.ipv6 else self.address4(number)

    @property
    def network(self) -> str:
        return f"fd77:{self.number}::/64" if self.ipv6 else f"10.77.{self.number}.0/24"


class Program:
    """A process whose standard error is read for as long as it runs."""

    def __init__(self, command: list[str], ready: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        until(lambda: self.process.poll() is not None or any(ready in line for line in self.lines), ready)
        if self.process.poll() is not None:
            raise SystemExit(f"{command}: {self.lines}")

    def read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.reader.join()
        return status


class Node:
    """A tracker on a host."""

    def __init__(self, host: Host, directory: Path, peers: list[str], workers: int) -> None:
        self.host = host
        bracketed = f"[{host.address}]" if ":" in host.address else host.address
        name = host.address.replace(":", "_")
        self.config = directory / f"{name}.conf"
        lines = [
            f"listen.tcp_udp {bracketed}:{PORT}",
            f"livesync.cluster.listen {bracketed}:{SYNC_PORT}",
            f"livesync.cluster.node_ip {host.site.network}",
            *(f"livesync.cluster.peer {peer}" for peer in peers),
            *[f"listen.workers {workers}"] * (workers > 1),
        ]
        self.config.write_text("".join(f"{line}\n" for line in lines))
        self.client = Client(host.address, host.site.address(254))
        self.start()

    def start(self) -> None:
        command = [*self.host.enter, sys.executable, "-m", "opentracker", "-f", str(self.config)]
        self.program = Program(command, "listening on UDP")
        self.client.connect()

    def end(self) -> None:
        status = self.program.end()
        if status:
            raise SystemExit(f"a node ended with {status}: {self.program.lines}")


class Client:
    """Announces and scrapes over UDP, many at once, each until it is answered."""

    def __init__(self, address: str, source: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((source, 0))
        self.sock.connect((address, PORT))
        self.stride = 18 if ":" in address else 6
        self.id = b""

    def connect(self) -> None:
        self.id = self.ask([struct.pack(">QI", MAGIC, 0)])[0][8:16]

    def ask(self, requests: list[bytes]) -> list[bytes]:
        """The answers, in order; a request is its first 12 bytes, and what follows the transaction id."""
        answers: dict[int, bytes] = {}
        todo = list(range(len(requests)))
        end = time.monotonic() + PATIENCE
        while todo:
            if time.monotonic() > end:
                raise SystemExit("a tracker does not answer")
            for number in todo[:64]:
                head, rest = requests[number][:12], requests[number][12:]
                self.sock.send(head + struct.pack(">I", number) + rest)
            self.sock.settimeout(0.5)
            try:
                for _ in todo[:64]:
                    answer = self.sock.recv(4096)
                    answers[struct.unpack(">I", answer[4:8])[0]] = answer
            except TimeoutError:
                pass
            todo = [number for number in todo if number not in answers]
        return [answers[number] for number in range(len(requests))]

    def announce(self, peers: list[tuple[bytes, int, bool]], event: int, numwant: int = 0) -> list[bytes]:
        """Announce (info_hash, port, seeding) each; the peers that each was given."""
        requests = [
            self.id
            + struct.pack(">I", 1)
            + info_hash
            + struct.pack(
                ">20sQQQIIIiH", b"-BE0001-cluster00000", 0, not seeding, 0, event, 0, 0, numwant, port
            )
            for info_hash, port, seeding in peers
        ]
        return [answer[20:] for answer in self.ask(requests)]

    def scrape(self, hashes: list[bytes]) -> list[tuple[int, int, int]]:
        """(complete, downloaded, incomplete) of each."""
        found = []
        packs = [hashes[at : at + 70] for at in range(0, len(hashes), 70)]
        for answer in self.ask([self.id + struct.pack(">I", 2) + b"".join(pack) for pack in packs]):
            found += list(struct.iter_unpack(">III", answer[8:]))
        return found


class Relay(threading.Thread):
    """Hands what a node sends on to all others; loses and doubles some of it."""

    def __init__(self, site: Site, nodes: list[str], options: argparse.Namespace) -> None:
        super().__init__(daemon=True)
        family = socket.AF_INET6 if site.ipv6 else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((site.address(254), RELAY_PORT))
        self.nodes = nodes
        self.loss, self.double = options.loss / 100, options.double / 100
        self.random = random.Random(options.seed)
        self.passed = self.lost = self.doubled = 0

    def run(self) -> None:
        while True:
            packet, source = self.sock.recvfrom(4096)
            for node in self.nodes:
                if node == source[0]:
                    continue
                if self.random.random() < self.loss:
                    self.lost += 1
                    continue
                self.passed += 1
                self.sock.sendto(packet, (node, SYNC_PORT))
                if self.random.random() < self.double:
                    self.doubled += 1
                    self.sock.sendto(packet, (node, SYNC_PORT))


def until(condition: Any, what: str, patience: float = PATIENCE) -> float:
    """Wait for a condition; gives the seconds that it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() > began + patience:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.02)
    return time.monotonic() - began


def report(stage: str, **figures: Any) -> None:
    print(json.dumps({"stage": stage, **figures}), flush=True)


class Cluster:
    """The nodes of one or two sites, and what they are asked."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self.options = options
        self.hosts: list[Host] = []
        self.bridges: list[Program] = []
        self.nats: Program | None = None
        sites = [Site(number, options.ipv6) for number in range(1 + options.bridge)]
        places = [(sites[0], number) for number in range(1, options.nodes + 1)]
        if options.bridge:
            places[-1] = (sites[1], 1)
        peers, self.relay = [], None
        if options.relay:
            relay = sites[0].address(254)
            peers = [f"[{relay}]:{RELAY_PORT}" if options.ipv6 else f"{relay}:{RELAY_PORT}"]
            self.relay = Relay(sites[0], [site.address(number) for site, number in places], options)
            self.relay.start()
        if options.bridge:
            self.start_bridges(sites)
        self.nodes = [Node(self.host(*place), directory, peers, options.workers) for place in places]

    def host(self, site: Site, number: int) -> Host:
        self.hosts.append(Host(site, number))
        return self.hosts[-1]

    def start_bridges(self, sites: list[Site]) -> None:
        command = shutil.which("nats-server")
        if command is None:
            raise SystemExit("needs the command nats-server")
        self.nats = Program([command, "--addr", "0.0.0.0", "--port", "4222"], "Server is ready")
        for site in sites:
            host = self.host(site, 100)
            bracketed = f"[{host.address}]" if site.ipv6 else host.address
            arguments = [
                "--cluster",
                "bench",
                "--site",
                f"site{site.number}",
                "--listen",
                bracketed,
                "--report",
                "5",
            ]
            arguments += ["--node-ip", site.network, "--nats", f"nats://{site.address4(254)}:4222"]
            command_line = [*host.enter, sys.executable, "-m", "opentracker.bridge", *arguments]
            self.bridges.append(Program(command_line, "bridge: connected"))

    def close(self) -> None:
        for node in self.nodes:
            if node.program.process.poll() is None:
                node.end()
        for bridge in self.bridges:
            status = bridge.end()
            report("a bridge's end", status=status, line=bridge.lines[-1])
        if self.nats is not None:
            self.nats.end()
        for host in self.hosts:
            host.close()

    def counts(self, hashes: list[bytes]) -> list[list[tuple[int, int, int]]]:
        return [node.client.scrape(hashes) for node in self.nodes]


def one_peer(cluster: Cluster) -> None:
    """A peer announced at one node is handed out by the others, and gone after stopped."""
    info_hash = b"one peer".ljust(20)
    peer = (info_hash, 7001, True)
    first, *others = cluster.nodes
    asker = [(info_hash, 1, False)]  # port 1 is answered and not stored
    first.client.announce([peer], STARTED)

    def handed_out(node: Node) -> bool:
        return any(
            given[at + node.client.stride - 2 : at + node.client.stride] == (7001).to_bytes(2, "big")
            for given in node.client.announce(asker, NONE, 50)
            for at in range(0, len(given), node.client.stride)
        )

    took = until(lambda: all(map(handed_out, others)), "the peer", 30)
    report("a peer announced at one node is handed out by the others", seconds=round(took, 2), good=took < 16)
    first.client.announce([peer], STOPPED)
    took = until(lambda: not any(map(handed_out, others)), "its end", 30)
    report("gone after stopped", seconds=round(took, 2), good=took < 16)


def is_forgery_refused(cluster: Cluster, hashes: list[bytes]) -> bool:
    """A stranger's packet changes nothing: from an address that no node_ip names."""
    node = cluster.nodes[0]
    site = node.host.site
    stranger = "fd99::1" if site.ipv6 else "10.99.0.1"
    ip(
        "addr",
        "add",
        f"{stranger}/{128 if site.ipv6 else 32}",
        "dev",
        "lo",
        *(["nodad"] if site.ipv6 else []),
    )
    route = ["ip", *(["-6"] if site.ipv6 else []), "route", "add", stranger, "via", site.address(254)]
    node.host.run(*route)
    before = node.client.scrape(hashes)
    with socket.socket(socket.AF_INET6 if site.ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((stranger, 0))
        for info_hash in hashes:
            record = info_hash + socket.inet_aton("1.2.3.4") + (6881).to_bytes(2, "big") + b"\x80\0"
            sock.sendto(b"evil" + bytes(4) + record, (node.host.address, SYNC_PORT))
    for _ in hashes:  # in each turn of its loop the node reads some of them
        after = node.client.scrape(hashes)
    node.end()
    line = next((line for line in node.program.lines if "unblessed" in line), "nothing")
    good = before == after and f" {len(hashes)} unblessed" in line
    report("forged packets", sent=len(hashes), node_says=line, good=good)
    return good


def crowd(cluster: Cluster) -> None:
    """All announces, spread over the nodes; then exact counts everywhere."""
    options = cluster.options
    hashes = [struct.pack(">I", number) * 5 for number in range(options.torrents)]
    peers = [(hashes[k % len(hashes)], 2000 + k, k % 3 == 0) for k in range(options.announces)]
    expected = [[0, 0, 0] for _ in hashes]
    for k, (_, _, seeding) in enumerate(peers):
        expected[k % len(hashes)][0 if seeding else 2] += 1
    wanted = [tuple(each) for each in expected]
    seeds = sum(each[0] for each in wanted)
    settled = False
    for number in range(1, options.rounds + 1):
        for at, node in enumerate(cluster.nodes):
            node.client.announce(peers[at :: len(cluster.nodes)], STARTED if number == 1 else NONE)
        began = time.monotonic()
        last, since = cluster.counts(hashes), time.monotonic()
        # Until all is there, or nothing has changed for longer than a packet may wait.
        while time.monotonic() < since + 18 and any(each != wanted for each in last):
            time.sleep(0.1)
            now = cluster.counts(hashes)
            if now != last:
                last, since = now, time.monotonic()
        missing = [
            options.announces - sum(complete + incomplete for complete, _, incomplete in each)
            for each in last
        ]
        settled = all(each == wanted for each in last)
        report(
            f"round {number}: {options.announces} announces over {len(cluster.nodes)} nodes",
            peers=[options.announces - each for each in missing],
            missing=missing,
            seeders=[sum(complete for complete, _, _ in each) for each in last],
            seeders_wanted=seeds,
            exact=settled,
            seconds=round(time.monotonic() - began, 1),
        )
        if cluster.relay is not None:
            report(
                "relay", passed=cluster.relay.passed, lost=cluster.relay.lost, doubled=cluster.relay.doubled
            )
        if options.restart and number == 1:
            node = cluster.nodes[-1]
            node.end()
            node.start()
            have = sum(complete + incomplete for complete, _, incomplete in node.client.scrape(hashes))
            report("a node was restarted", peers=have)
        elif settled:
            break
    good = is_forgery_refused(cluster, hashes) and settled
    report("verdict", good=good)
    if not good:
        sys.exit(1)


def main() -> None:
    options = parse_arguments()
    if not options.inside:
        if os.geteuid():
            raise SystemExit("needs to be root: namespaces are made, and trackers started in them")
        # A namespace of processes as well: whatever happens to us, all that we have started ends with us.
        command = ["unshare", "-n", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp("unshare", [*command, sys.executable, __file__, *sys.argv[1:], "--inside"])
    ip("link", "set", "lo", "up")
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(options, Path(name))
        try:
            one_peer(cluster)
            crowd(cluster)
        finally:
            cluster.close()


if __name__ == "__main__":
    main()

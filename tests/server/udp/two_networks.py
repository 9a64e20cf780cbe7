"""A machine on two networks with one default route, and a far client that asks it on both.

To be run in a network namespace of its own, where it may set up interfaces. The client is behind both networks, and has
no address on either. Prints where each answer came from, or `lost`.
"""

import ctypes
import os
import socket
import subprocess
from pathlib import Path

from opentracker._features import WANT_SYNC_LIVE
from opentracker.config.settings import Bind, Settings
from opentracker.server import wiring

if WANT_SYNC_LIVE:
    from opentracker.features.cluster.settings import SyncSettings

CLONE_NEWNET = 0x40000000
CONNECT = bytes.fromhex("0000041727101980 00000000 11223344")
PORT = 7000


def ip(command: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *command.split()], check=True)


def configure(name: str, value: int) -> None:
    """Set a parameter of IPv4 for all interfaces there are."""
    for folder in Path("/proc/sys/net/ipv4/conf").iterdir():
        (folder / name).write_text(str(value))


def be_the_client(ready: int, go: int) -> None:
    """In another namespace, at the far ends of both networks."""
    ctypes.CDLL(None).unshare(CLONE_NEWNET)
    os.write(ready, b".")
    os.read(go, 1)
    ip("link set lo up")
    ip("addr add 10.9.0.1/32 dev lo")
    for number in (1, 2):
        ip(f"addr add 10.{number}.0.2/24 dev far{number}")
        ip(f"link set far{number} up")
    configure("rp_filter", 0)
    configure("arp_ignore", 1)  # asked for an address that is not on this link it says nothing, as a router
    configure("arp_announce", 2)
    os.write(ready, b".")
    os.read(go, 1)
    for asked in ("10.2.0.1", "10.1.0.1"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("10.9.0.1", 0))
            client.settimeout(5)
            client.sendto(CONNECT, (asked, PORT))
            try:
                print(client.recvfrom(100)[1][0], flush=True)
            except TimeoutError:
                print("lost", flush=True)


def main() -> None:
    """Be the machine, and the tracker on it."""
    ready_in, ready = os.pipe()
    go_in, go = os.pipe()
    client = os.fork()
    if client == 0:
        be_the_client(ready, go_in)
        os._exit(0)
    os.read(ready_in, 1)
    for number in (1, 2):
        ip(f"link add near{number} type veth peer name far{number}")
        ip(f"link set far{number} netns {client}")
        ip(f"addr add 10.{number}.0.1/24 dev near{number}")
        ip(f"link set near{number} up")
    configure("rp_filter", 0)
    os.write(go, b".")
    os.read(ready_in, 1)
    ip("route add default via 10.2.0.2")
    settings = Settings([Bind(True, bytes(4), PORT)])
    if WANT_SYNC_LIVE:
        settings.of(SyncSettings).binds.append((bytes([10, 1, 0, 1]), 0, ""))
    server = wiring.start(
        settings,
        lambda settings, paths: None,
    )
    os.write(go, b".")
    while os.waitpid(client, os.WNOHANG) == (0, 0):
        server.loop.iterate(0.05)


main()

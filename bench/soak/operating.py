"""A server as an operator runs it, and what operators do to it: reloads, dumps, SIGKILL, a restart with its state."""

from __future__ import annotations

import json
import os
import random
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import BenchError
from harness.paths import IN_WHEEL
from harness.servers import announces
from soak.strangers import ANNOUNCE, PEER_ID, Sources

if TYPE_CHECKING:
    from harness.scheduling import Place

HOST: Final = "127.0.0.1"
PORT: Final = 6969
MOST_TORRENTS: Final = 200_000  # the flood of random ones meets this limit within some minutes
CONFIG: Final = f"""\
listen.tcp_udp {HOST}:{PORT}
tracker.rootdir {{directory}}
tracker.user nobody
tracker.state_file {{directory}}/state
access.blacklist {{directory}}/blacklist.txt
access.fifo_add {{directory}}/add
access.fifo_delete {{directory}}/delete
limits.torrents {MOST_TORRENTS}
limits.peers_per_torrent 50000
"""
LISTED: Final = 20_000  # torrents of the black list
TOGGLED: Final = b"refused now and then"
LOADED: Final = re.compile(r", with peers: (\d+) torrents loaded")
READY_SECONDS: Final = 10.0
PATIENCE: Final = 60.0  # seconds


class Operated:
    """A server's process and its files, in a root directory of its own."""

    def __init__(self, python: Path, directory: Path, place: Place) -> None:
        self.place = place
        self.directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        shutil.chown(directory, "nobody", "nogroup")
        config = directory.with_suffix(".conf")
        config.write_text(CONFIG.format(directory=directory))
        self.command = [str(python), "-P", str(IN_WHEEL / "recounting.py"), "-f", str(config)]
        self.log = directory.with_suffix(".log")
        self.log.write_text("")
        self.random = random.Random(1)
        self.reloads = self.wrong_reloads = 0
        self.refuses = False
        self.write_list()
        self.start()

    # ---- The process ----

    def start(self, *options: str) -> None:
        """Start it and wait until it answers."""
        pipe = subprocess.PIPE
        with self.log.open("ab") as log:
            command = [*self.command, *options]
            self.process = self.place.start(command, stdin=pipe, stdout=pipe, stderr=log, cwd="/")
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.1)
                client.connect((HOST, PORT))
                try:
                    if announces(client, b"is it ready by now??"):
                        return
                except (ConnectionRefusedError, TimeoutError):
                    pass
        raise BenchError(f"the server is not ready: {self.tail()}")

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise BenchError(f"the server ended by itself with {self.process.returncode}: {self.tail()}")

    def tail(self) -> str:
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def recount(self) -> dict[str, Any]:
        """The server's recount of its store, see recounting.py."""
        asked, answered = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(b"\n")
        asked.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(answered, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                raise BenchError(f"no recount in {PATIENCE:.0f} s: {self.tail()}")
        line = answered.readline()
        if not line:
            raise BenchError(f"the server ended: {self.tail()}")
        report: dict[str, Any] = json.loads(line)
        return report

    # ---- What its operator does ----

    def write_list(self) -> None:
        """Another black list of as many torrents, with or without one that is asked for."""
        lines = [self.random.randbytes(20) for _ in range(LISTED - 1)]
        lines.append(TOGGLED if self.refuses else bytes(20))
        path = self.directory / "blacklist.new"
        path.write_bytes(b"".join(line.hex().encode() + b"\n" for line in lines))
        path.chmod(0o644)
        path.rename(self.directory / "blacklist.txt")

    def reload(self, sources: Sources) -> None:
        """See that the last reload has had its effect, then make another one."""
        if self.is_refused(sources) != self.refuses:
            self.wrong_reloads += 1
        self.reloads += 1
        self.refuses = not self.refuses
        self.write_list()
        self.process.send_signal(signal.SIGHUP)
        for name in ("add", "delete"):
            with open(os.open(self.directory / name, os.O_WRONLY | os.O_NONBLOCK), "wb") as fifo:
                fifo.write(self.random.randbytes(20).hex().encode() + b"\n")

    def is_refused(self, sources: Sources) -> bool:
        """Whether the torrent that is listed now and then is."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            sock = sources.any()
            try:
                number = int.from_bytes(sources.connection_id(sock), "big")
                sock.settimeout(1.0)
                sock.send(struct.pack(ANNOUNCE, number, 1, 9, TOGGLED, PEER_ID, 0, 1, 0, 0, 0, 0, 0, 7000))
                answer = sock.recv(2048)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if answer[:8] == struct.pack(">II", 1, 9):
                return False
            if answer[8:].startswith(b"Requested download is not authorized"):
                return True
            sources.ids.clear()  # the id is of a server that was killed
        raise BenchError(f"no answer to an announce in {READY_SECONDS:.0f} s: {self.tail()}")

    def dump(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def kill(self) -> tuple[int, int]:
        """SIGKILL, and a start with the last state; gives how many torrents were loaded, and are in the file."""
        self.process.kill()
        self.process.wait()
        self.refuses = False  # a list that refuses one that was written would keep it from being loaded
        self.write_list()
        there = torrents_in(self.directory / "state")
        self.start("-l", str(self.directory / "state"))
        return loaded_in(self.log.read_text(errors="replace")), there

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status: int = self.process.wait(PATIENCE)
        return status


def loaded_in(log: str) -> int:
    """How many torrents the last start with a state has loaded, by the server's log."""
    loaded = LOADED.findall(log)
    return int(loaded[-1]) if loaded else 0


def torrents_in(state: Path) -> int:
    """How many torrents a state file says that it has: the eight bytes before its checksum."""
    with state.open("rb") as file:
        file.seek(-24, os.SEEK_END)
        return int.from_bytes(file.read(8), "big")

"""Read full scrapes, several at once, as fast as they come, and watch the server's memory.

Run by `run.py fullscrape-many`.

usage: scrape_reader.py HOST PORT CONNECTIONS PID CORE
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Final

REQUEST: Final = b"GET /scrape HTTP/1.1\r\nConnection: close\r\n\r\n"
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4


def main(host: str, port: str, connections: str, pid: str, core: str) -> None:
    os.sched_setaffinity(0, {int(core)})
    before = most = resident_kib(int(pid))
    ends: dict[socket.socket, bytes] = {}
    selector = selectors.DefaultSelector()
    for _ in range(int(connections)):
        client = socket.create_connection((host, int(port)))
        client.sendall(REQUEST)
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
        ends[client] = b""
    whole = 0
    looked = time.monotonic()
    while ends:
        for key, _ in selector.select():
            client = key.fileobj  # type: ignore[assignment]
            data = client.recv(1 << 18)
            if data:
                ends[client] = (ends[client] + data)[-len(LAST_CHUNK) :]
                continue
            whole += ends.pop(client) == LAST_CHUNK
            selector.unregister(client)
            client.close()
        if time.monotonic() - looked > 0.02:
            most = max(most, resident_kib(int(pid)))
            looked = time.monotonic()
    print(json.dumps({"whole": whole, "grown_kib": most - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])

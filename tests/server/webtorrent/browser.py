"""A browser's end of a WebSocket to a tracker in this process, framed by the package `websockets`."""

import json
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from tests.server.live import Endpoint, Live, TcpClient

HASH: Final = "h" * 20


def handshake(path: str = "/announce", **changed: str | None) -> bytes:
    """A request for a WebSocket; None leaves a header out."""
    headers: dict[str, str | None] = {
        "Host": "x",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def masked(data: bytes, head: int = 0x81) -> bytes:
    """A frame of up to 65535 bytes from a client; without another head it is a whole text message."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes([head]) + size + bytes(4) + data


class Browser:
    """A client; `tcp` has `send` and what has been `received`."""

    def __init__(self, live: Live, to: Endpoint, name: str = "A") -> None:
        self.live = live
        self.peer_id = name * 20
        self.tcp: TcpClient = live.tcp(to)
        self.protocol = ClientProtocol(parse_uri("ws://tracker.example/announce"))
        self.protocol.send_request(self.protocol.connect())
        self.frames: list[Frame] = []
        self.flush()
        live.until(lambda: self.poll() and self.protocol.state is OPEN, "the upgrade")

    def flush(self) -> None:
        """Send the frames of the protocol."""
        for data in self.protocol.data_to_send():
            if data:
                self.tcp.send(data)

    def poll(self) -> bool:
        """Take what has come."""
        self.tcp.poll()
        if self.tcp.received:
            self.protocol.receive_data(self.tcp.received)
            self.tcp.received = b""
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self.frames.append(event)
        return True

    def next_frame(self) -> Frame:
        """The next frame."""
        self.live.until(lambda: self.poll() and bool(self.frames), "a frame")
        return self.frames.pop(0)

    def next_message(self) -> Any:
        """The next message."""
        frame = self.next_frame()
        assert frame.opcode == Opcode.TEXT, frame
        return json.loads(bytes(frame.data))

    def say(self, message: object) -> None:
        """Send a message."""
        self.protocol.send_text(json.dumps(message).encode())
        self.flush()

    def announce(self, info_hash: str = HASH, **more: Any) -> None:
        """Announce."""
        self.say({"action": "announce", "info_hash": info_hash, "peer_id": self.peer_id, **more})

    def counts(self, info_hash: str = HASH) -> tuple[int, int]:
        """The complete and incomplete of a torrent, by a scrape."""
        self.say({"action": "scrape", "info_hash": info_hash})
        files = self.next_message()["files"]
        return files[info_hash]["complete"], files[info_hash]["incomplete"]

    def is_served(self) -> bool:
        """Whether an announce is answered."""
        self.announce()
        return "interval" in self.next_message()

    def close_code(self) -> int | None:
        """The code of the tracker's close frame, after which the connection has ended in the orderly way."""
        self.live.until(lambda: self.poll() and self.protocol.close_rcvd is not None, "a close frame")
        assert self.protocol.close_rcvd is not None
        self.flush()
        self.live.until(self.tcp.has_ended, "the end")
        assert not self.tcp.was_reset
        return self.protocol.close_rcvd.code

"""A WebSocket from the first byte behind its upgrade to its close. The package `websockets` frames the messages.

A connection that is quiet gets a ping before the usual proxies would cut it, since browsers send none. One that does
not answer is closed, and its peers are gone. A client has a budget of frames, so that pings and messages cannot keep
the tracker busy, and a bound on the bytes that it has not read.

Messages of an iteration to one client leave together, at its end (see Hub): a write costs more than a message.

A connection that the tracker closes gets a close frame with the reason, is half-closed and drained, as unread bytes
would reset it before its client has read the frame.
"""

import logging
import os
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Protocol

from opentracker._features import OT_CLIENT_TIMEOUT
from opentracker.protocol.addresses import format_ip
from opentracker.server.http.channel import Channel
from opentracker.server.http.outbox import Outbox
from opentracker.server.http.server import Successor
from opentracker.server.loop import READ, WRITE
from opentracker.server.sockets import answer_at_once
from opentracker.server.webtorrent.framing import PING, is_at_rest, release, split_texts, text_frame
from opentracker.server.webtorrent.hub import Hub
from opentracker.swarm.browsers import Link

log = logging.getLogger("opentracker")

QUIET: Final = 45.0  # seconds until a ping: nginx cuts after 60, and a sweep may be 10 late
PONG_TIME: Final = 60.0  # seconds for any byte after a ping
# Of a burst: a client with many torrents announces all of them when it has connected.
MOST_FRAMES: Final = 500.0
FRAMES_A_SECOND: Final = 20.0
READ_SIZE: Final = 1 << 15  # bytes: 10 offers of libtorrent are half of it
MOST_WAITING: Final = 1 << 18  # bytes that are not read: dozens of offers
MOST_GATHERED: Final = 1 << 16  # bytes that wait for the end of an iteration
MOST_DRAINED: Final = 1 << 20  # bytes behind the tracker's close frame

TOO_FAST: Final = "too many messages"
GOING_AWAY: Final = "the tracker ends"
CONTENT: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class SocketLink(Link):
    """The link of a WebSocket; it has none before the upgrade is answered and after the end."""

    def __init__(self) -> None:
        super().__init__()
        self.socket: WebSocket | None = None

    def send(self, message: bytes) -> None:
        """See Link."""
        if self.socket is not None:
            self.socket.send(message)

    def end(self) -> None:
        """Tell the client that the tracker ends."""
        if self.socket is not None:
            self.socket.end(CloseCode.GOING_AWAY, GOING_AWAY)


class WebSocket(Successor):
    """The connection of a browser, or of a client that speaks like one."""

    __slots__ = (
        "channel",
        "drained",
        "frames",
        "frames_at",
        "hub",
        "is_closed",
        "is_over",
        "is_queued",
        "link",
        "outbox",
        "parts",
        "protocol",
        "was_pinged",
        "watched",
    )

    def __init__(self, fd: int, address: bytes, channel: Channel, hub: Hub) -> None:
        now = hub.server.now.seconds
        super().__init__(fd, address, now + QUIET)
        self.channel = channel
        self.hub = hub
        self.protocol: Protocol | None = None  # from the first byte of a message to its last one
        self.outbox = Outbox(fd, channel)
        self.link = SocketLink()
        self.parts: list[bytes] | None = None  # of a fragmented message
        self.frames = MOST_FRAMES  # that the client may send in a burst from now on
        self.frames_at = now
        self.watched = 0  # events
        self.drained = 0
        self.was_pinged = False
        self.is_queued = False  # whether messages wait for the end of this iteration
        self.is_over = False  # whether the protocol has nothing more to say
        self.is_closed = False

    def take_over(self, watched: int, received: bytes) -> None:
        """See Successor."""
        answer_at_once(self.fd)
        server = self.hub.server
        if watched:
            server.replace(self, READ)
        else:
            server.selector.register(self.fd, READ, self)
            server.remember(self)
        self.watched = READ
        self.link.socket = self
        self.hub.opened(self.link)
        if received:
            self.guarded(received)

    # ---- Events ----

    def ready(self, events: int) -> None:
        """See Handler."""
        if self.is_closed:
            return
        if events & WRITE:
            self.outbox.go_on(self.hub.server.now.seconds)
            self.flush()
        if events & READ and not self.is_closed:
            self.read()

    def read(self) -> None:
        """Read the bytes that have come."""
        try:
            data = self.channel.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # reset by the client
            data = b""
        self.hub.received.value += len(data)
        if not data:
            self.close()
        elif self.is_over:
            self.drained += len(data)
            if self.drained > MOST_DRAINED:
                self.close()
        else:
            self.guarded(data)

    def guarded(self, data: bytes) -> None:
        """Handle bytes; a fault of ours closes this connection alone."""
        try:
            self.receive(data)
        except Exception as error:
            log.error("a WebSocket of %s is closed: %r", format_ip(self.address), error, exc_info=error)
            self.close()

    def overdue(self) -> None:
        """Ping a quiet client; close if the last ping got no answer."""
        if self.was_pinged or self.is_over:
            if not self.is_over:
                self.hub.silent.value += 1
            self.close()
            return
        self.was_pinged = True
        self.deadline = self.hub.server.now.seconds + PONG_TIME
        self.put(PING)

    def is_slow(self, seconds: float) -> bool:
        """See Unfinished."""
        return self.outbox.is_slow(seconds)

    # ---- Messages ----

    def receive(self, data: bytes) -> None:
        """Handle the frames in the bytes that have come."""
        self.deadline = self.hub.server.now.seconds + QUIET
        self.was_pinged = False
        self.refill()
        if self.protocol is None:
            data = self.receive_texts(data)
        if data and not self.is_over and not self.is_closed:
            self.receive_frames(data)

    def receive_texts(self, data: bytes) -> bytes:
        """Handle the whole texts at the beginning; returns the bytes from another frame on."""
        texts, rest = split_texts(data)
        for text in texts:
            if not self.may_go_on():
                return b""
            self.hub.rendezvous.receive(text, self.link, self.hub.server.now.seconds)
            if self.is_over or self.is_closed:
                return b""
        return rest

    def receive_frames(self, data: bytes) -> None:
        """Handle frames of all kinds and parts of them, by a protocol."""
        if self.protocol is None:
            self.protocol = self.hub.framing.take()
        protocol = self.protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            if not self.may_go_on():
                return
            if frame.opcode in CONTENT:
                self.take(frame)
                if self.is_over or self.is_closed:
                    return
        if protocol.parser_exc is not None:
            self.hub.broken.value += 1
        self.send_frames(protocol)
        if is_at_rest(protocol) and not self.is_closed:
            self.protocol = None
            self.hub.framing.give_back(protocol)

    def take(self, frame: Frame) -> None:
        """Handle a message, when its last frame has come."""
        message = bytes(frame.data)
        if self.parts is not None:
            self.parts.append(message)
            message = b"".join(self.parts) if frame.fin else b""
        if frame.fin:
            self.parts = None
            self.hub.rendezvous.receive(message, self.link, self.hub.server.now.seconds)
        elif self.parts is None:
            self.parts = [message]

    def refill(self) -> None:
        """Refill the client's budget of frames by the time that has passed."""
        seconds = self.hub.server.now.seconds
        self.frames = min(MOST_FRAMES, self.frames + (seconds - self.frames_at) * FRAMES_A_SECOND)
        self.frames_at = seconds

    def may_go_on(self) -> bool:
        """Take a frame from the client's budget; if the budget is used up, the connection ends."""
        self.frames -= 1.0
        if self.frames >= 0.0:
            return True
        self.hub.too_fast.value += 1
        self.end(CloseCode.POLICY_VIOLATION, TOO_FAST)
        return False

    def send(self, message: bytes) -> None:
        """Send a text message at the end of this iteration, unless the connection is being closed."""
        if not self.is_over and (self.protocol is None or self.protocol.state is OPEN):
            self.outbox.unsent += text_frame(message)
            if len(self.outbox.unsent) > MOST_GATHERED:
                self.send_unsent()
            elif not self.is_queued:
                self.is_queued = True
                self.hub.queue(self.send_gathered)

    def send_gathered(self) -> None:
        """Send the messages of this iteration."""
        self.is_queued = False
        if not self.is_closed:
            self.send_unsent()

    def send_frames(self, protocol: Protocol) -> None:
        """Send all that the protocol has to send."""
        frames = protocol.data_to_send()
        if frames and not self.is_closed:
            if frames[-1] == b"":  # SEND_EOF
                self.finish()
            self.put(b"".join(frames))

    def put(self, frames: bytes) -> None:
        """Send frames behind the messages of this iteration, as far as the socket takes them."""
        self.outbox.unsent += frames
        self.send_unsent()

    def send_unsent(self) -> None:
        """Send what the socket takes, unless the selector waits for it; close if too much is left."""
        if not self.watched & WRITE:
            self.flush()
        if len(self.outbox.unsent) > MOST_WAITING and not self.is_closed:
            self.hub.too_slow.value += 1
            self.close()

    def flush(self) -> None:
        """Send as much as the socket takes; the rest waits for the selector."""
        takes_more = True
        while self.outbox.unsent and takes_more:
            taken = self.outbox.taken
            try:
                takes_more = self.outbox.send()
            except OSError:  # reset by the client
                self.close()
                return
            self.hub.sent.value += self.outbox.taken - taken
        if self.outbox.unsent:
            self.outbox.wait(self.hub.server.now.seconds)
        elif self.is_over:
            self.hub.server.half_close(self.fd)
        self.watch(READ | WRITE if self.outbox.unsent else READ)

    def watch(self, events: int) -> None:
        """Wait for events."""
        if self.watched != events:
            self.hub.server.selector.modify(self.fd, events, self)
            self.watched = events

    # ---- The end ----

    def end(self, code: int, reason: str) -> None:
        """Send a close frame, and take no more messages."""
        if self.protocol is None:
            self.protocol = self.hub.framing.take()
        if self.protocol.state is OPEN:
            self.protocol.send_close(code, reason)
        self.protocol.send_eof()
        self.send_frames(self.protocol)

    def finish(self) -> None:
        """Take no more messages: the peers of this connection are gone."""
        self.is_over = True
        self.deadline = self.hub.server.now.seconds + OT_CLIENT_TIMEOUT
        self.leave()

    def leave(self) -> None:
        """Let the hub know that this connection has ended."""
        if self.link.socket is not None:
            self.link.socket = None
            self.hub.left(self.link)

    def close(self) -> None:
        """See Unfinished."""
        if self.is_closed:
            return
        self.is_closed = True
        self.hub.server.selector.unregister(self.fd)
        self.hub.server.forget(self)
        self.leave()
        os.close(self.fd)
        if self.protocol is not None:
            release(self.protocol)

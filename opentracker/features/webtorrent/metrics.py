"""The counters and gauges of WebTorrent."""

from typing import Final

from opentracker.swarm.counting.core_metrics import ANNOUNCES, FAILURES, RECEIVED, SCRAPES, SENT
from opentracker.swarm.counting.metric import (
    CAUSE,
    LOST,
    SERVED,
    TRAFFIC,
    TURNED_DOWN,
    Family,
    Gauge,
    Metric,
)

WEBSOCKET: Final = 'protocol="websocket"'
OF_MESSAGES: Final = "web_messages"

MESSAGES: Final = Metric(
    "web_messages",
    Family("opentracker_websocket_messages_total", "Messages that came over WebSockets."),
    *("", "WebSocket messages", TRAFFIC),
)
CONNECTIONS: Final = Metric(
    "web_connections",
    Family("opentracker_websocket_connections_total", "WebSockets that were opened."),
    *("", "WebSockets", TRAFFIC),
)
ANNOUNCED: Final = Metric("web_announces", ANNOUNCES, WEBSOCKET, "WebSocket announces", SERVED, OF_MESSAGES)
SCRAPED: Final = Metric("web_scrapes", SCRAPES, WEBSOCKET, "WebSocket scrapes", SERVED, OF_MESSAGES)
ANSWERED: Final = Metric(
    "web_answers",
    Family("opentracker_webtorrent_answers_total", "Answers to offers that were forwarded."),
    *("", "Answers to offers", SERVED, OF_MESSAGES),
)
OFFERED: Final = Metric(
    "web_offers",
    Family("opentracker_webtorrent_offers_total", "Offers that were forwarded."),
    *("", "Offers forwarded", TRAFFIC),
)
FAILED: Final = Metric(
    "web_failures", FAILURES, WEBSOCKET, "WebSocket messages with a failure reason", TURNED_DOWN, OF_MESSAGES
)
MALFORMED: Final = Metric(
    "web_malformed",
    Family("opentracker_websocket_malformed_total", "Messages without a torrent, which are not answered."),
    *("", "WebSocket messages that are malformed", TURNED_DOWN, OF_MESSAGES),
)
UNMATCHED: Final = Metric(
    "web_unmatched",
    Family(
        "opentracker_webtorrent_unmatched_answers_total",
        "Answers to offers that nobody made, or to the past.",
    ),
    *("", "Answers without an offer", CAUSE),
)
CLOSED: Final = Family("opentracker_websocket_closed_total", "WebSockets that the tracker closed, by cause.")
TOO_FAST: Final = Metric("web_too_fast", CLOSED, 'cause="rate"', "WebSockets with too many messages", CAUSE)
TOO_SLOW: Final = Metric("web_too_slow", CLOSED, 'cause="slow"', "WebSockets that read too slowly", LOST)
SILENT: Final = Metric("web_silent", CLOSED, 'cause="silent"', "WebSockets that answered no ping", LOST)
BROKEN: Final = Metric("web_broken", CLOSED, 'cause="protocol"', "WebSockets that broke the protocol", CAUSE)
REFUSED: Final = Metric(
    "web_refused",
    Family("opentracker_websocket_refused_total", "WebSockets over limits.websockets."),
    *("", "WebSockets over the limit", CAUSE),
)
BYTES_IN: Final = Metric("web_received", RECEIVED, WEBSOCKET, "Bytes received over WebSockets", TRAFFIC)
BYTES_OUT: Final = Metric("web_sent", SENT, WEBSOCKET, "Bytes sent over WebSockets", TRAFFIC)

COUNTERS: Final = (
    *(MESSAGES, CONNECTIONS, ANNOUNCED, SCRAPED, ANSWERED, OFFERED, FAILED, MALFORMED, UNMATCHED),
    *(TOO_FAST, TOO_SLOW, SILENT, BROKEN, REFUSED, BYTES_IN, BYTES_OUT),
)

OPEN: Final = Gauge("opentracker_websocket_open", "WebSockets that are open.", people="WebSockets open")
TORRENTS: Final = Gauge(
    "opentracker_webtorrent_torrents", "Torrents that have browsers.", people="Torrents with browsers"
)
PEERS: Final = Gauge("opentracker_webtorrent_peers", "Browsers that are peers, by role.")

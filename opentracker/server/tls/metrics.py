"""The counts of handshakes, by their results, and the log of the failures.

Strangers cause the failures, so each is a line at the level `debug`. The counters have their numbers, and the log has
one line a minute about those that hint at a mistake of the operator, see `server.turned_away`.
"""

import logging
from typing import Final

from opentracker.protocol.addresses import format_ip
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, LEAST, TRAFFIC, Family, Gauge, Metric

log = logging.getLogger("opentracker")

# Kinds of failed handshakes, by the names of their counters.
PLAIN_HTTP: Final = "tls_failed_plain_http"
VERSION: Final = "tls_failed_version"
CIPHER: Final = "tls_failed_cipher"
ALERT: Final = "tls_failed_alert"
GONE: Final = "tls_failed_gone"
TIMEOUT: Final = "tls_failed_timeout"
INVALID: Final = "tls_failed_invalid"
TEXTS: Final = {
    PLAIN_HTTP: "Plain HTTP on a TLS port",
    VERSION: "Handshakes of another TLS version",
    CIPHER: "Handshakes without a common cipher",
    ALERT: "Handshakes that the client refuses",
    GONE: "Handshakes that the client leaves",
    TIMEOUT: "Handshakes that take too long",
    INVALID: "Handshakes that are malformed",
}

COMPLETE: Final = Family("opentracker_tls_handshakes_total", "TLS handshakes that are complete, by kind.")
FAILED: Final = Family("opentracker_tls_handshake_failures_total", "TLS handshakes that failed, by cause.")
FULL: Final = Metric("tls_full", COMPLETE, 'kind="full"', "Full TLS handshakes", TRAFFIC)
RESUMED: Final = Metric("tls_resumed", COMPLETE, 'kind="resumed"', "Resumed TLS sessions", TRAFFIC)
FAILURES: Final = {
    kind: Metric(kind, FAILED, f'cause="{kind.removeprefix("tls_failed_")}"', text, CAUSE)
    for kind, text in TEXTS.items()
}
COUNTERS: Final = (FULL, RESUMED, *FAILURES.values())

NOT_AFTER: Final = Gauge(
    "opentracker_tls_certificate_not_after_seconds",
    "Time at which a certificate expires, in seconds since 1970, by its first name.",
    LEAST,
)


class HandshakeCounts:
    """Counts handshakes."""

    def __init__(self, counters: Counters) -> None:
        self.full = counters.count_of(FULL)
        self.resumed = counters.count_of(RESUMED)
        self.failures = {kind: counters.count_of(row) for kind, row in FAILURES.items()}

    def completed(self, is_resumed: bool) -> None:
        """Count a handshake."""
        (self.resumed if is_resumed else self.full).value += 1

    def failed(self, kind: str, address: bytes, reason: str) -> None:
        """Count a failure, and log it at the level `debug`; `reason` is OpenSSL's."""
        self.failures[kind].value += 1
        if log.isEnabledFor(logging.DEBUG):
            log.debug("a TLS handshake of %s failed: %s", format_ip(address), reason or TEXTS[kind])

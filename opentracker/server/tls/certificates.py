"""Pairs of a certificate and its key, and the choice among them by the name that a client asks for (SNI).

Each pair has an SSLContext. The first one begins every handshake, and serves clients that name no server, or one that
no certificate has. Session tickets are encrypted with keys of that context, so a reload ends the resumption of older
sessions.
"""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from opentracker.config.values import shown
from opentracker.errors import UsageError
from opentracker.server.tls.x509 import Certificate, first_certificate

DAY: Final = 86400  # seconds
WARNING_DAYS: Final = 14
LARGEST_FILE: Final = 1 << 20  # characters of a PEM file

Pair = tuple[Path, Path]  # a certificate with its chain, and its key
Choice = Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]


def new_context() -> ssl.SSLContext:
    """A context for TLS 1.2 and 1.3 with HTTP/1.1, session tickets, and neither renegotiation nor early data."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


def no_passphrase() -> str:
    """In place of a question on the terminal. Raises ValueError."""
    raise ValueError("the key has a passphrase, which is not supported")


class Loaded:
    """A pair that has been read."""

    def __init__(self, pair: Pair, context: ssl.SSLContext, certificate: Certificate) -> None:
        self.path = pair[0]
        self.context = context
        self.names = certificate.names
        self.not_after = certificate.not_after

    def name(self) -> str:
        """The first name of the certificate, or its file if it has no name."""
        return self.names[0] if self.names else str(self.path)


def load_pair(pair: Pair) -> Loaded:
    """Read a certificate and its key. Raises UsageError, which names both."""
    certificate, key = pair
    words = f"the certificate {shown(str(certificate))} with the key {shown(str(key))}"
    context = new_context()
    try:
        context.load_cert_chain(certificate, key, no_passphrase)
        with certificate.open(encoding="ascii", errors="replace") as file:
            facts = first_certificate(file.read(LARGEST_FILE))
    except ssl.SSLError as error:
        raise UsageError(f"cannot use {words}: {reason_of(error)}") from error
    except OSError as error:
        raise UsageError(f"cannot read {words}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"cannot use {words}: {error}") from error
    return Loaded(pair, context, facts)


# OpenSSL's reasons for a pair that cannot be loaded, in words. It gives none for a file that is no PEM.
REASONS: Final = {
    "": "no PEM text of a certificate or of a key is in one of the files",
    "KEY_VALUES_MISMATCH": "the key is not the certificate's",
    "EE_KEY_TOO_SMALL": "the key is too short",
}


def reason_of(error: ssl.SSLError) -> str:
    """The reason of an error of OpenSSL, in words."""
    reason = error.reason or ""
    return REASONS.get(reason, reason.lower().replace("_", " "))


class Certificates:
    """All pairs: `context` begins each handshake."""

    def __init__(self, loaded: Sequence[Loaded]) -> None:
        self.loaded = loaded
        self.context = loaded[0].context
        self.context.sni_callback = choice(loaded[1:], loaded[0].names)

    def expiring(self, seconds: float) -> list[str]:
        """Lines about certificates that have expired at this time (since 1970), or soon will have."""
        lines = []
        for each in self.loaded:
            days = int((each.not_after - seconds) // DAY)
            if days < 0:
                lines.append(f"the certificate for {each.name()} has expired")
            elif days < WARNING_DAYS:
                lines.append(f"the certificate for {each.name()} expires in {days} days")
        return lines


def choice(others: Sequence[Loaded], first_names: Sequence[str]) -> Choice:
    """The callback that chooses among the other pairs by the server's name.

    It refers to no context of its own, so that contexts that are replaced are freed: there is no garbage collector.
    """
    contexts: dict[str, ssl.SSLContext | None] = dict.fromkeys(first_names)
    for each in others:
        for name in each.names:
            contexts.setdefault(name, each.context)

    def choose(session: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        if name is None:
            return
        name = name.lower()
        wildcard = f"*.{name.partition('.')[2]}"
        context = contexts[name] if name in contexts else contexts.get(wildcard)
        if context is not None:
            session.context = context

    return choose


def load_all(pairs: Sequence[Pair]) -> Certificates:
    """Read all pairs, one at least. Raises UsageError."""
    return Certificates([load_pair(pair) for pair in pairs])

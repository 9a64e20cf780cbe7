"""Options that the commands of the bridge share: names, and the connection to NATS."""

import argparse
import re
import ssl
from pathlib import Path
from typing import Any, Final, NoReturn

from opentracker.bridge.nats import raw_credentials, server_url
from opentracker.errors import UsageError

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of a cluster or a site: one token of a subject
DEFAULT_SERVER: Final = "nats://localhost:4222"


class Parser(argparse.ArgumentParser):
    """Reports a wrong command line as a tracker does, and reads options from files."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """The option and its value in a line of a file; nothing for a comment."""
        line = arg_line.strip()
        return [] if line.startswith("#") else line.split(maxsplit=1)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


def name(text: str) -> str:
    """The name of a cluster or a site."""
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected letters, digits, _ and -")
    return text


def server(text: str) -> str:
    """The URL of a NATS server."""
    try:
        return server_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """A number over 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number over 0")
    return int(text)


def nats_options(it: argparse.ArgumentParser) -> None:
    """Add the options for NATS."""
    far = it.add_argument_group("NATS")
    far.add_argument(
        "--nats",
        action="append",
        type=server,
        metavar="URL",
        help="a server, nats://HOST:PORT or tls://HOST:PORT; may be repeated (default: nats://localhost:4222)",
    )
    far.add_argument("--creds", type=Path, metavar="FILE", help="credentials of a NATS user (JWT and key)")
    far.add_argument("--nkey", type=Path, metavar="FILE", help="the seed of an nkey")
    far.add_argument("--token", type=Path, metavar="FILE", help="file that holds a token")
    far.add_argument(
        "--tls-ca",
        type=Path,
        metavar="FILE",
        help="CA certificates that the server's certificate is checked against",
    )
    far.add_argument("--tls-cert", type=Path, metavar="FILE", help="our certificate, and maybe its key")
    far.add_argument("--tls-key", type=Path, metavar="FILE", help="its key")


def client_options(options: argparse.Namespace) -> dict[str, Any]:
    """The options of the NATS client. Raises UsageError for files that cannot be used.

    The files are read at once, since another user, who may not read them, runs the bridge later.
    """
    told: dict[str, Any] = {}
    try:
        if options.tls_key and not options.tls_cert:
            raise UsageError("--tls-key goes with --tls-cert")
        if options.tls_ca or options.tls_cert:
            told["tls"] = ssl.create_default_context(cafile=options.tls_ca)
            if options.tls_cert:
                told["tls"].load_cert_chain(options.tls_cert, options.tls_key)
        if options.creds:
            told["user_credentials"] = raw_credentials(options.creds.read_text(encoding="utf-8"))
        if options.nkey:
            told["nkeys_seed_str"] = options.nkey.read_text(encoding="utf-8").strip()
        if options.token:
            told["token"] = options.token.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"cannot use a file of the options for NATS: {error}") from error
    return told

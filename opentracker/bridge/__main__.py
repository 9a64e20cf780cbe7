"""The command line of the bridge: options in, exit status out."""

import argparse
import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from typing import Final, NoReturn

from opentracker.bridge import list_command
from opentracker.bridge.carrier import Carrier, Route
from opentracker.bridge.nats import load_client
from opentracker.bridge.options import DEFAULT_SERVER, Parser, client_options, name, nats_options, positive
from opentracker.bridge.relay import QUEUE, Bridge
from opentracker.errors import EXIT_START, EXIT_USAGE, StartError, UsageError
from opentracker.features.cluster.settings import SyncSettings, parse_sync_endpoint
from opentracker.protocol.addresses import parse_network
from opentracker.server.livesync import open_cluster
from opentracker.server.system import privileges
from opentracker.server.system.systemd import Notifier
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions

log = logging.getLogger("opentracker")

EPILOG: Final = """
The command `list`, as the first word, is about a list for all trackers: see `python -m opentracker.bridge list --help`.

The trackers of the site have to know the bridge: give them its address as livesync.cluster.node_ip. It hears them by
multicast from another machine, or on the same one only where they name it as livesync.cluster.peer, since a tracker's
own machine does not hear its multicast.

Options may stand in a file, each line an option and its value or a comment that begins with #: name it as @FILE.

example:
  python -m opentracker.bridge --cluster main --site paris --listen 10.0.0.9 --node-ip 10.0.0.0/24 \\
      --nats tls://nats.example:4222 --creds /etc/opentracker/paris.creds

exit status: 0 after SIGINT or SIGTERM, 1 for a wrong command line, 111 where the machine refuses what was asked
"""


def endpoint(text: str) -> tuple[bytes, int, str]:
    """An address of live sync."""
    try:
        return parse_sync_endpoint(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def network(text: str) -> tuple[bytes, int]:
    """An address, or a network."""
    try:
        return parse_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = Parser(
        prog="python -m opentracker.bridge",
        description="Carry live sync between the clusters of several sites over NATS.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        fromfile_prefix_chars="@",
    )
    it.add_argument(
        "--cluster", required=True, type=name, help="name of all sites together, the same at each"
    )
    it.add_argument("--site", required=True, type=name, help="name of this site, which no other site has")
    local = it.add_argument_group("the site's cluster")
    local.add_argument(
        "--listen",
        action="append",
        required=True,
        type=endpoint,
        metavar="ADDR",
        help="address for live sync (port 9696 if left out); once for each family",
    )
    local.add_argument(
        "--peer",
        action="append",
        default=[],
        type=endpoint,
        metavar="ADDR",
        help="tell this tracker, and not the multicast group; may be repeated",
    )
    local.add_argument(
        "--node-ip",
        action="append",
        required=True,
        type=network,
        metavar="IP[/BITS]",
        help="believe trackers with these addresses; may be repeated",
    )
    nats_options(it)
    it.add_argument(
        "--queue",
        type=positive,
        default=QUEUE,
        metavar="N",
        help="packets that wait while NATS is away, before the oldest are dropped (default: %(default)s)",
    )
    it.add_argument(
        "--report",
        type=positive,
        default=60,
        metavar="SECONDS",
        help="seconds between lines of counts (default: %(default)s)",
    )
    it.add_argument(
        "--metrics", type=Path, metavar="FILE", help="write the counts to this file as well, for Prometheus"
    )
    it.add_argument(
        "-u",
        "--user",
        default="nobody",
        metavar="USER",
        help="the user to become when started as root (default: %(default)s)",
    )
    return it


def carrier_of(options: argparse.Namespace) -> Carrier:
    """A bridge with its sockets open and root's rights given up. Raises UsageError and StartError."""
    permissions = Permissions()
    for first, bits in options.node_ip:
        permissions.bless(first, bits, MAY_LIVESYNC)
    route = Route(
        options.cluster,
        options.site,
        options.nats or [DEFAULT_SERVER],
        client_options(options),
        options.report,
        options.metrics,
    )
    notifier = Notifier(os.environ, os.getpid())
    cluster = open_cluster(SyncSettings(options.listen, options.peer))
    try:
        load_client()
        privileges.preload()
        if privileges.is_root():
            privileges.become(privileges.account_of(options.user))
        privileges.gain_nothing()
        carrier = Carrier(Bridge(permissions, time.monotonic, options.queue), cluster, route, notifier)
        if options.metrics:
            carrier.write_metrics(options.metrics)
    except OSError as error:
        cluster.close()
        raise StartError(f"cannot write {options.metrics} (--metrics): {error.strerror}") from error
    except BaseException:
        cluster.close()
        raise
    return carrier


def run(carrier: Carrier) -> None:
    """Run the bridge until a signal comes.

    It does not use asyncio.run(), which waits at its end for tasks of the client that cannot be cancelled; see leave().
    """
    try:
        asyncio.new_event_loop().run_until_complete(carrier.run())
    finally:
        carrier.cluster.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    logging.basicConfig(format="opentracker: %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # our callbacks log the same errors
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] == ["list"]:
            list_command.main(given[1:])
        else:
            run(carrier_of(parser().parse_args(given)))
    except UsageError as error:
        print(f"opentracker: {error} (--help tells more)", file=sys.stderr)
        return EXIT_USAGE
    except (StartError, ImportError) as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_START
    return 0


def leave(status: int) -> NoReturn:
    """End the process without waiting for tasks of the client and threads that resolve a server's name."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())

"""`python -m opentracker.bridge list`: change a list of the cluster, show it, and carry it to a site's trackers."""

import argparse
import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from opentracker.bridge.bucket import Bucket
from opentracker.bridge.list_carrier import ListCarrier, Site, Source
from opentracker.bridge.lists import KINDS, ListCopy, line_of, name_of
from opentracker.bridge.nats import load_client, server_name
from opentracker.bridge.options import DEFAULT_SERVER, Parser, client_options, name, nats_options, positive
from opentracker.errors import LinkError, StartError, UsageError
from opentracker.server.system import privileges
from opentracker.server.system.systemd import Notifier

EPILOG: Final = """
The list is a bucket of NATS JetStream. Every change reaches every site that is connected within a second; a site that
was down catches up. At each site `carry` writes the changes into the FIFOs of the site's trackers, and the whole list
into the file that they read when they start.

examples:
  python -m opentracker.bridge list add 0123456789abcdef0123456789abcdef01234567 --nats nats://nats.example:4222
  python -m opentracker.bridge list add --list keys 3f2a9c5e8b7d4f61 --rest "2031-01-31 a comment"
  python -m opentracker.bridge list add --list networks 192.0.2.0/24 --rest "a flood"
  python -m opentracker.bridge list carry --file /var/lib/opentracker/list.txt \\
      --fifo-add /var/lib/opentracker/add.fifo --fifo-delete /var/lib/opentracker/delete.fifo
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = Parser(
        prog="python -m opentracker.bridge list",
        description="One list for all trackers of a cluster, in a bucket of NATS JetStream.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        fromfile_prefix_chars="@",
    )
    it.add_argument("action", choices=["add", "delete", "show", "carry"], help="the thing to do")
    it.add_argument(
        "entries", nargs="*", metavar="ENTRY", help="torrents, keys or networks; - reads lines of them"
    )
    it.add_argument("--cluster", type=name, default="main", help="name of all sites together (default: main)")
    it.add_argument("--list", choices=list(KINDS), default="torrents", help="which list (default: torrents)")
    it.add_argument("--rest", default="", metavar="TEXT", help="behind an added entry: a last day, a comment")
    it.add_argument(
        "--replicas", type=positive, default=1, metavar="N", help="servers that keep a bucket made anew"
    )
    site = it.add_argument_group("carry")
    site.add_argument("--file", type=Path, metavar="FILE", help="the list file of the site's trackers")
    site.add_argument(
        "--fifo-add",
        type=Path,
        action="append",
        default=[],
        metavar="FIFO",
        help="of a tracker; may be repeated",
    )
    site.add_argument(
        "--fifo-delete", type=Path, action="append", default=[], metavar="FIFO", help="of a tracker; the same"
    )
    site.add_argument(
        "--save",
        type=positive,
        default=10,
        metavar="SECONDS",
        help="between writes of the file (default: 10)",
    )
    site.add_argument("-u", "--user", default="nobody", help="the user to become when started as root")
    nats_options(it)
    return it


def entries_of(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The entries of the command line or of standard input, each with the rest of its line. Raises UsageError."""
    lines = sys.stdin.read().splitlines() if options.entries == ["-"] else options.entries
    found: list[tuple[str, str]] = []
    for line in lines:
        entry, _, rest = line.strip().partition(" ")
        if not entry or entry.startswith("#"):
            continue
        try:
            name_of(KINDS[options.list], entry)
        except ValueError as error:
            raise UsageError(f"entry {len(found) + 1}: {error}") from error
        found.append((entry, KINDS[options.list].rest(rest or options.rest)))
    if not found:
        raise UsageError(f"there is nothing to {options.action}")
    return found


async def change(source: Source, action: str, entries: list[tuple[str, str]]) -> None:
    """Change the bucket at the first server that can be reached. Raises StartError."""
    bucket = await reach(source)
    try:
        for entry, rest in entries:
            await (bucket.put(entry, rest) if action == "add" else bucket.delete(entry))
    except LinkError as error:
        raise StartError(f"NATS at {server_name(bucket.server)}: {error}") from error
    finally:
        await bucket.close()


async def show(source: Source) -> None:
    """Print the list. Raises StartError."""
    bucket = await reach(source)
    copy = ListCopy({}, [])
    try:
        async for update in bucket.follow():
            if update is None:
                break
            copy.change(*update)
    except LinkError as error:
        raise StartError(f"NATS at {server_name(bucket.server)}: {error}") from error
    finally:
        await bucket.close()
    sys.stdout.writelines([line_of(entry, rest) for entry, rest in sorted(copy.entries.items())])


async def reach(source: Source) -> Bucket:
    """The bucket at the first server that can be reached. Raises StartError with the error of the last one."""
    complaint = ""
    for server in source.servers:
        bucket = Bucket(server, source.options, source.cluster, source.kind)
        try:
            await bucket.open(source.replicas)
        except LinkError as error:
            complaint = f"cannot use NATS at {server_name(server)}: {error}"
            await bucket.close()
        else:
            return bucket
    raise StartError(complaint)


def carrier_of(source: Source, options: argparse.Namespace) -> ListCarrier:
    """A carrier, with root's rights given up. Raises UsageError and StartError."""
    if options.file is None:
        raise UsageError("carry needs --file")
    if options.entries:
        raise UsageError("carry takes no entries")
    fifos = [(path, True) for path in options.fifo_add] + [(path, False) for path in options.fifo_delete]
    load_client()
    privileges.preload()
    if privileges.is_root():
        privileges.become(privileges.account_of(options.user))
    privileges.gain_nothing()
    try:
        return ListCarrier(
            source, Site(tuple(fifos), options.file, options.save), Notifier(os.environ, os.getpid())
        )
    except OSError as error:
        raise StartError(f"cannot read {options.file}: {error.strerror}") from error


def main(arguments: list[str]) -> None:
    """Run the command. Raises UsageError and StartError."""
    options = parser().parse_intermixed_args(arguments)
    source = Source(
        options.cluster,
        KINDS[options.list],
        tuple(options.nats or [DEFAULT_SERVER]),
        client_options(options),
        options.replicas,
    )
    if options.action == "carry":
        work = carrier_of(source, options).run()
    elif options.action == "show":
        work = show(source)
    else:
        work = change(source, options.action, entries_of(options))
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(work)

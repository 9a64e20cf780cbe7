"""The part of one of several workers in an upgrade: it does what its supervisor says."""

from collections.abc import Callable

from opentracker.server.core import Core
from opentracker.server.upgrade.departure import Departure
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.frames import FINISH, GONE, NEAR, QUIET, REOPEN, RETIRE, SHUT, Frame
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.streams import Streams

Orders = dict[int, Callable[[Frame], None]]


def join(core: Core, streams: Streams, mesh: Mesh, control: Channel, orders: Orders) -> Departure:
    """Add the orders of an upgrade to those that a worker obeys."""

    def teller(kind: int) -> Callable[[], None]:
        return lambda: control.put(kind, 0, b"")

    departure = Departure(
        core, streams, teller(NEAR), teller(QUIET), teller(GONE), waits=lambda: len(mesh.asked) > 0
    )
    orders[SHUT] = lambda _: departure.shut()
    orders[FINISH] = lambda _: departure.finish()
    orders[REOPEN] = lambda _: departure.reopen()
    orders[RETIRE] = lambda _: departure.retire()
    return departure

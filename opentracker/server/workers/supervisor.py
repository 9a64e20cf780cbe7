"""The supervisor of several workers: it holds all sockets, starts the workers, and replaces one that dies.

It serves no client. Signals and the service manager speak to the supervisor alone, which passes on what they ask for.
"""

import logging
import marshal
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from opentracker.config.settings import Settings
from opentracker.errors import EXIT_END, EXIT_FAULT, EndError, OpentrackerError
from opentracker.features.feature import Feature
from opentracker.server.core import NO_UPGRADE, Core, each
from opentracker.server.signals import ASKING, ENDING, Signals
from opentracker.server.system.log_output import set_up
from opentracker.server.system.systemd import Notifier
from opentracker.server.workers.channel import Channel, pair
from opentracker.server.workers.child import be_worker
from opentracker.server.workers.frames import (
    END,
    FAILED,
    INCONSISTENT,
    PULSE,
    READY,
    RELOAD,
    RELOADED,
    REPORT,
    STOP,
    Frame,
)
from opentracker.server.workers.overseeing import Overseeing
from opentracker.server.workers.parts import pack_reading
from opentracker.server.workers.worker import Seat, Worker
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

# More deaths of workers in DEATHS_SECONDS end the tracker, since a service manager may know better.
MOST_DEATHS: Final = 10
DEATHS_SECONDS: Final = 60.0
PATIENCE: Final = 10.0  # seconds for a worker to exit
LOOK_SECONDS: Final = 1.0
PULSE_PATIENCE: Final = 5.0  # seconds without a pulse of a worker, after which the watchdog hears of no life
DEATHS: Final = Gauge("opentracker_worker_deaths_total", "Workers that died and were replaced.")


class Process:
    """A worker's process, as the supervisor sees it."""

    def __init__(self, pid: int, control: Channel, seconds: float) -> None:
        self.pid = pid
        self.control = control
        self.is_ready = False
        self.reason = ""  # why it cannot start
        self.torrents = 0
        self.announces = 0
        self.pulse_at = seconds


class Supervisor(Overseeing):
    """Keeps a worker in each seat.

    Until all workers serve, one that cannot start ends all; `reason` is why.
    """

    def __init__(
        self,
        settings: Settings,
        features: Sequence[Feature[Core]],
        proc: int,
        manager: Notifier,
        signals: Signals,
        make: type[Worker] = Worker,
    ) -> None:
        super().__init__(settings)
        self.make = make
        self.features = features
        self.proc = proc  # a descriptor of /proc, which workers read about themselves; -1: there is none
        self.manager = manager
        self.signals = signals
        self.reloads.append(self.reload)
        self.sources.append(self.tell_deaths)
        self.mesh.join(self.loop, self.take)
        self.seats: list[Seat] = []
        self.processes: dict[int, Process] = {}
        self.deaths: deque[float] = deque()
        self.vacant: list[Seat] = []
        self.died = 0
        self.has_begun = False
        self.waits_for: set[str] = set()  # conditions of the begin, beside the workers
        self.is_ending = False
        self.is_consistent = True
        self.status = 0
        self.reason = ""
        self.reloading: set[int] = set()
        self.worries: dict[int, str] = {}  # of workers, at their last reload
        self.reported = b""
        self.orders: dict[int, Callable[[int, Process, Frame], None]] = {
            READY: self.ready,
            FAILED: self.failed,
            INCONSISTENT: self.inconsistent,
            PULSE: self.pulse,
            RELOADED: self.reloaded,
        }
        self.actions: dict[int, Callable[[], None]] = {
            int(signal.SIGHUP): self.reload,
            int(signal.SIGUSR1): self.dump,
            int(signal.SIGUSR2): lambda: log.warning("%s", NO_UPGRADE),
        }
        self.loop.every(LOOK_SECONDS, self.look)
        self.loop.every(60.0, lambda: manager.tell(f"STATUS={self.describe()}"))
        if manager.watchdog_interval > 0:
            self.loop.every(manager.watchdog_interval, self.tell_life)

    # ---- From the start to the end -----------------------------------------------------------------------------

    def run(self) -> int:
        """Run the workers until a signal; returns the exit status."""
        self.signals.serve(self.loop, self.actions)
        for seat in self.seats:
            self.fork(seat, False)
        self.loop.run()
        self.end()
        return self.status

    def end(self) -> None:
        """End the workers: they stop to serve, give the state away, and exit."""
        if not self.is_ending:  # by an upgrade
            self.manager.is_stopping()
        self.is_ending = True
        self.tell_all(END)
        if self.has_begun and self.is_consistent and len(self.processes) == len(self.seats):
            for ending in self.endings:
                self.finish(ending())
        self.tell_all(STOP)
        deadline = self.now.seconds + PATIENCE
        while self.processes and self.now.seconds < deadline:
            self.loop.iterate(LOOK_SECONDS)
        for number, process in self.processes.items():
            log.error("worker %d does not end, and is killed", number)
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)
        self.loop.close()

    def finish(self, work: Iterator[None]) -> None:
        """Run long work to its end, with the workers that it asks."""
        steps = self.guarded(work)
        self.loop.start(steps)
        while any(each is steps for each in self.loop.work):
            self.loop.iterate(LOOK_SECONDS)

    def guarded(self, work: Iterator[None]) -> Iterator[None]:
        """The steps of the last work; its failure is the exit status."""
        try:
            yield from work
        except EndError as error:
            log.error("%s", error)
            self.status = EXIT_END
        except Exception as error:
            log.critical("the end is not complete: %r", error, exc_info=error)
            self.status = EXIT_FAULT

    # ---- Processes ---------------------------------------------------------------------------------------------

    def fork(self, seat: Seat, is_successor: bool) -> None:
        """Start a worker."""
        ours, its = pair()
        for handler in logging.getLogger().handlers:
            handler.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, *ASKING))
        pid = os.fork()
        if pid == 0:
            status = EXIT_FAULT
            try:
                ours.close()
                self.leave(seat)
                status = be_worker(
                    self.make, seat, its, self.settings, self.features, self.proc, is_successor
                )
            except BaseException as error:
                log.critical("a worker ended in a fault: %r", error, exc_info=error)
            finally:
                for handler in logging.getLogger().handlers:
                    handler.close()
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *ASKING))
        its.close()
        control = Channel(ours, self.loop, self.mesh.take, self.ended)
        self.processes[seat.number] = Process(pid, control, self.now.seconds)
        self.mesh.channels[seat.number] = control
        self.telling.repeat(seat.number)

    def leave(self, seat: Seat) -> None:
        """In a new worker: close what belongs to the supervisor, and to other workers."""
        self.signals.close()  # a worker ignores all signals
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *ASKING))
        self.loop.selector.close()
        self.manager.close()
        each(self.leavings)()
        for process in self.processes.values():
            process.control.sock.close()
        for other in self.seats:
            if other is not seat:
                for sock in (*other.sockets, *other.channels.values(), other.giving, other.taking):
                    if sock is not None:
                        sock.close()

    def ended(self, control: Channel) -> None:
        """Bury a worker whose end of the channel is closed, and find a successor."""
        number = self.number_of(control)
        process = self.processes.pop(number)
        status = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        self.mesh.lost(number)
        del self.mesh.channels[number]
        control.close()
        self.has_reloaded(number)
        if self.is_ending:
            self.status = self.status or abs(status)
        elif not self.has_begun:
            self.reason = self.reason or process.reason
            self.status = status if status > 0 else EXIT_FAULT
            self.loop.stopping = True
        else:
            words = process.reason or f"exit status {status}"
            log.error("worker %d, process %d, has died: %s", number, process.pid, words)
            each(self.losses)()
            self.succeed(self.seats[number])

    def succeed(self, seat: Seat) -> None:
        """Start the successor of a worker that has died, unless too many die."""
        self.died += 1
        self.deaths.append(self.now.seconds)
        while self.deaths[0] < self.now.seconds - DEATHS_SECONDS:
            self.deaths.popleft()
        if len(self.deaths) > MOST_DEATHS:
            log.critical("%d workers have died within a minute: the tracker ends", len(self.deaths))
            self.status = EXIT_FAULT
            self.loop.stopping = True
            return
        self.vacant.append(seat)
        self.look()

    def fill_seats(self) -> None:
        """Fork for vacant seats, but not while a thread waits for a disk: a fork would copy its locks."""
        while self.vacant and threading.active_count() == 1:
            self.fork(self.vacant[0], True)
            del self.vacant[0]

    # ---- What workers tell -------------------------------------------------------------------------------------

    def number_of(self, control: Channel) -> int:
        """The number of the worker behind a channel."""
        return next(number for number, each in self.mesh.channels.items() if each is control)

    def take(self, control: Channel, frame: Frame) -> None:
        """Take a frame of a worker."""
        number = self.number_of(control)
        self.orders[int(frame.kind)](number, self.processes[number], frame)

    def ready(self, number: int, process: Process, frame: Frame) -> None:
        """A worker serves."""
        process.is_ready = True
        process.control.put(REPORT, 0, self.report())
        if self.has_begun:
            log.info("worker %d serves again, as process %d", number, process.pid)
        else:
            self.begin()

    def begin(self) -> None:
        """Tell that all workers serve, once they do and nothing else is waited for."""
        are_ready = all(each.is_ready for each in self.processes.values())
        if are_ready and len(self.processes) == len(self.seats) and not self.waits_for:
            self.has_begun = True
            each(self.beginnings)()

    def failed(self, number: int, process: Process, frame: Frame) -> None:
        """A worker cannot start; its end follows."""
        process.reason = frame.payload.decode("utf-8", "replace")

    def inconsistent(self, number: int, process: Process, frame: Frame) -> None:
        """The store of a worker of `opentracker.debug` is broken: the tracker ends, and writes no state."""
        log.critical("the store of worker %d is inconsistent: the tracker ends", number)
        self.is_consistent = False
        self.status = EXIT_FAULT
        self.loop.stopping = True

    def pulse(self, number: int, process: Process, frame: Frame) -> None:
        """A worker is well."""
        process.torrents, process.announces = map(int, frame.payload.split())
        process.pulse_at = self.now.seconds

    def reloaded(self, number: int, process: Process, frame: Frame) -> None:
        """A worker has read config and lists again."""
        self.worries[number] = frame.payload.decode("utf-8", "replace")
        self.has_reloaded(number)

    def has_reloaded(self, number: int) -> None:
        """Tell the service manager, once no worker reloads any more."""
        if number in self.reloading:
            self.reloading.discard(number)
            if not self.reloading:
                self.manager.is_ready(self.describe())

    # ---- What workers are told -----------------------------------------------------------------------------------

    def tell_all(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame to all workers."""
        for process in self.processes.values():
            process.control.put(kind, 0, payload)

    def reload(self) -> None:
        """Have all workers read config and lists again."""
        self.manager.is_reloading()
        self.reloading = set(self.processes)
        self.telling.forget()
        self.tell_all(RELOAD)
        if self.settings.config_files and self.settings.reread is not None:
            try:
                new = self.settings.reread()
            except OpentrackerError:  # each worker logs it
                return
            set_up(new.log_level, new.log_format)

    def dump(self) -> None:
        """Write the state."""
        if self.dumps:
            each(self.dumps)()
        else:
            log.warning("%s", "SIGUSR1: no state is written: there is no tracker.state_file")

    def look(self) -> None:
        """Called every second: find successors, and tell workers what has changed."""
        self.fill_seats()
        report = self.report()
        if report != self.reported:
            self.reported = report
            self.tell_all(REPORT, report)

    def report(self) -> bytes:
        """The complaints and the readings of the supervisor."""
        snapshot = StatsSnapshot("", 0, 0)
        for source in self.sources:
            source(snapshot)
        complaints = [complaint for complain in self.complaints if (complaint := complain())]
        readings = [pack_reading(reading) for reading in snapshot.readings.values()]
        return marshal.dumps(("; ".join(complaints), readings))

    def tell_deaths(self, snapshot: StatsSnapshot) -> None:
        """Add the number of workers that have died."""
        snapshot.tell(DEATHS, self.died)

    # ---- The service manager -------------------------------------------------------------------------------------

    def tell_life(self) -> None:
        """Tell the watchdog that all workers are well, if they are."""
        if all(self.now.seconds - each.pulse_at < PULSE_PATIENCE for each in self.processes.values()):
            self.manager.is_alive()

    def describe(self) -> str:
        """The status line."""
        processes = self.processes.values()
        torrents = sum(process.torrents for process in processes)
        announces = sum(process.announces for process in processes)
        worries = {worry for worry in self.worries.values() if worry}
        line = f"{len(processes)} workers, {torrents} torrents, {announces} announces since the start"
        return "; ".join([line, *sorted(worries), *(text for tell in self.complaints if (text := tell()))])

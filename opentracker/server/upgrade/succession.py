"""The place of one start in the line of upgrades: a tracker before it has left things, and another one may follow."""

import logging
import os
import sys
from collections.abc import MutableMapping

from opentracker.config.settings import Settings
from opentracker.errors import StartError
from opentracker.server import wiring
from opentracker.server.system.systemd import passed_sockets
from opentracker.server.upgrade import launcher
from opentracker.server.upgrade.bequest import Bequest, Identity, receive
from opentracker.server.upgrade.feature import UpgradeSettings

log = logging.getLogger("opentracker")


class Succession:
    """Made before anything is opened, since the launcher keeps what is open. Raises StartError."""

    def __init__(self, settings: Settings, environment: MutableMapping[str, str]) -> None:
        self.settings = settings
        self.launcher = launcher.fork() if may_be_upgraded(settings) else None
        self.bequest: Bequest | None = None
        try:
            self.bequest = receive(environment)
            self.passed = passed_sockets(environment, os.getpid())
            self.identity = Identity(wiring.random_secret(), wiring.random_seed(), 0.0)
            if self.bequest is not None:
                self.adopt(self.bequest)
        except BaseException:
            self.close()
            raise

    def adopt(self, bequest: Bequest) -> None:
        """Be the tracker that was there before. Raises StartError."""
        settings = self.settings
        if bequest.workers != settings.workers:
            raise StartError(
                f"listen.workers is {settings.workers} and was {bequest.workers}: such a change needs a restart"
            )
        log.info("upgrade: taking over from the running tracker")
        self.identity = bequest.identity
        self.passed = [*self.passed, *bequest.passed.values()]
        bequest.passed.clear()
        left = settings.left
        left.takes_over = True
        left.origin = bequest.identity.origin
        left.lock = bequest.lock
        if bequest.workers == 1:
            left.sockets += [sock for group in bequest.own.values() for sock in group.values()]
            bequest.own.clear()
        left.named, bequest.named = bequest.named, {}
        left.sockets += bequest.others  # last, since any port is right for port 0
        bequest.others = []

    def close_unused(self) -> None:
        """Close sockets that a tracker before has left, and that no key asks for any more."""
        left = self.settings.left
        for sock in (*left.sockets, *left.named.values()):
            log.info("upgrade: a socket is served no longer: %s", sock.getsockname())
            sock.close()
        left.sockets.clear()
        left.named.clear()

    def close(self) -> None:
        """Close what is left, and end the launcher."""
        if self.bequest is not None:
            self.bequest.close()
        if self.launcher is not None:
            self.launcher.close()


def may_be_upgraded(settings: Settings) -> bool:
    """Whether `tracker.upgrade` is yes, and can be."""
    if not settings.of(UpgradeSettings).is_asked_for:
        return False
    if not sys.platform.startswith("linux") or os.getpid() == 1:
        log.warning(
            "tracker.upgrade is without effect: it is for Linux, and not for process 1 of a container"
        )
        return False
    return True

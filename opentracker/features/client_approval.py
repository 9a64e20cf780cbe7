"""Which client software is served: `access.client_allow` and `access.client_deny`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from opentracker.config.settings import Settings, Take
from opentracker.features.feature import Feature, Host
from opentracker.swarm.counting.metric import Gauge, Metric
from opentracker.swarm.policy.approval import REFUSED, Approval, Rule, parse_rule
from opentracker.swarm.surveys.snapshot import StatsSnapshot

BY_CLIENT: Final = Gauge(
    "opentracker_clients_refused_total",
    "Announces of clients that are not approved, by the client software in their peer_id.",
)


@dataclass
class ApprovalSettings:
    """The rules for clients; without any, all are served."""

    allowed: list[Rule] = field(default_factory=list)
    denied: list[Rule] = field(default_factory=list)


def allow(settings: Settings, value: str) -> None:
    """`access.client_allow`."""
    settings.of(ApprovalSettings).allowed.append(parse_rule(value))


def deny(settings: Settings, value: str) -> None:
    """`access.client_deny`."""
    settings.of(ApprovalSettings).denied.append(parse_rule(value))


class ApprovalFeature(Feature[Host]):
    """The rules for clients, as a feature; SIGHUP reads them again."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"access.client_allow": allow, "access.client_deny": deny}
    counters: ClassVar[tuple[Metric, ...]] = (REFUSED,)
    renewed: ClassVar[frozenset[str]] = frozenset({"access.client_allow", "access.client_deny"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.approval: Approval | None = None

    def plan(self) -> Iterator[str]:
        """See Feature."""
        rules = self.settings.of(ApprovalSettings)
        if rules.allowed:
            yield f"would serve only clients under one of {len(rules.allowed)} rules"
        if rules.denied:
            yield f"would refuse clients under one of {len(rules.denied)} rules"

    def join(self, host: Host) -> None:
        """Install the rules, and tell the refusals by client."""
        self.approval = host.tracker.approval
        host.sources.append(self.complete)
        self.install(self.settings)

    def renew(self, settings: Settings) -> None:
        """Install the rules of config files that were read again."""
        self.install(settings)

    def install(self, settings: Settings) -> None:
        """Use the rules of these settings."""
        rules = settings.of(ApprovalSettings)
        if self.approval is not None:
            self.approval.install(rules.allowed, rules.denied)

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the refusals by client to a snapshot, in descending order."""
        if self.approval is None:
            return
        for name, count in sorted(self.approval.by_client.items(), key=lambda item: (-item[1], item[0])):
            snapshot.tell(BY_CLIENT, count, f'client="{name}"')

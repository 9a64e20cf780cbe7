"""Which statistics this build has, and what has to be told of the tracker's doings for them."""

from collections.abc import Callable

from opentracker._features import (
    WANT_CLIENT_COUNT,
    WANT_FULLLOG_NETWORKS,
    WANT_LOG_NETWORKS,
    WANT_SPOT_WOODPECKER,
    WANT_STATS_HTML,
    WANT_STATS_JSON,
    WANT_STATS_PROMETHEUS,
)
from opentracker.features.statistics import text
from opentracker.features.statistics.page import Every, Start, Statistics
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page

if WANT_STATS_JSON:
    from opentracker.features.statistics import json_modes
if WANT_STATS_PROMETHEUS:
    from opentracker.features.statistics import prometheus
if WANT_STATS_HTML:
    from opentracker.features.statistics.html import page as html
if WANT_CLIENT_COUNT:
    from opentracker.features.statistics import clients
if WANT_SPOT_WOODPECKER:
    from opentracker.features.statistics import woodpeckers
if WANT_FULLLOG_NETWORKS:
    from opentracker.features.statistics import full_log

Watching = Callable[[Request, bytes], None]  # is told of each HTTP request and the address that it is from


def join(statistics: Statistics, every: Every, start: Start, pages: dict[bytes, Page]) -> list[Watching]:
    """Add the modes and formats, and pages beside them; gives what is to be told of each HTTP request.

    `every` and `start` are the loop's.
    """
    statistics.renderings[""] = dict(text.MODES)
    if WANT_STATS_JSON:
        statistics.renderings["json"] = dict(json_modes.MODES)
    if WANT_STATS_PROMETHEUS:
        statistics.renderings[""].update(prometheus.MODES)
    if WANT_STATS_HTML:
        html.join(statistics, every, start)
    if WANT_CLIENT_COUNT:
        clients.join(statistics)
    if WANT_SPOT_WOODPECKER:
        woodpeckers.join(statistics, every, start)
    if WANT_LOG_NETWORKS:
        statistics.sources.rank("busy", statistics.sources.tracker.busy.counts)
    if WANT_FULLLOG_NETWORKS:
        return [full_log.join(statistics, pages)]
    return []

"""Which statistics this build has, and what has to be told of the tracker's doings for them."""

from collections.abc import Callable

from opentracker._features import (
    WANT_FULLLOG_NETWORKS,
    WANT_LOG_NETWORKS,
    WANT_SPOT_WOODPECKER,
    WANT_STATS_HTML,
    WANT_STATS_JSON,
    WANT_STATS_PROMETHEUS,
)
from opentracker.features import statistics_text
from opentracker.features.statistics import Every, Start, Statistics
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page

if WANT_STATS_JSON:
    from opentracker.features import statistics_json
if WANT_STATS_PROMETHEUS:
    from opentracker.features import statistics_prometheus
if WANT_STATS_HTML:
    from opentracker.features import statistics_html
if WANT_SPOT_WOODPECKER:
    from opentracker.features import woodpeckers
if WANT_FULLLOG_NETWORKS:
    from opentracker.features import full_log

Watching = Callable[[Request, bytes], None]  # is told of each HTTP request and the address that it is from


def join(statistics: Statistics, every: Every, start: Start, pages: dict[bytes, Page]) -> list[Watching]:
    """Add the modes and formats, and pages beside them; gives what is to be told of each HTTP request.

    `every` and `start` are the loop's.
    """
    statistics.renderings[""] = dict(statistics_text.MODES)
    if WANT_STATS_JSON:
        statistics.renderings["json"] = dict(statistics_json.MODES)
    if WANT_STATS_PROMETHEUS:
        statistics.renderings[""].update(statistics_prometheus.MODES)
    if WANT_STATS_HTML:
        statistics_html.join(statistics, every, start)
    if WANT_SPOT_WOODPECKER:
        woodpeckers.join(statistics, every, start)
    if WANT_LOG_NETWORKS:
        statistics.sources.rank("busy", statistics.sources.tracker.busy.counts)
    if WANT_FULLLOG_NETWORKS:
        return [full_log.join(statistics, pages)]
    return []

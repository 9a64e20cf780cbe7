"""The page's banner with alarms, and its card of health."""

import time
from html import escape
from typing import Final

from opentracker.features.statistics.html.charts import short
from opentracker.features.statistics.html.history import History
from opentracker.features.statistics.html.widgets import duration, facts
from opentracker.swarm.counting.core_gauges import BUSY
from opentracker.swarm.counting.metric import LOST, NOT_STORED, Metric, Reading
from opentracker.swarm.surveys.snapshot import StatsSnapshot

LATELY: Final = 600.0  # seconds for which the banner shows an alarm
BUSY_LIMIT: Final = 0.85  # of the time
FAULTS: Final = "http_500"


def alarms(snapshot: StatsSnapshot, history: History) -> list[str]:
    """All faults of now or within LATELY, a sentence each."""
    told = [
        reading.gauge.alarm.format(*label_values(reading))
        for reading in snapshot.readings.values()
        if reading.gauge.is_bad(reading.value)
    ]
    told += [lately(row, "A limit is met", snapshot, history) for row in snapshot.of_group(NOT_STORED)]
    told += [lately(row, "Datagrams are lost", snapshot, history) for row in snapshot.of_group(LOST)]
    faults = history.gained(snapshot.counters, FAULTS, snapshot.uptime, LATELY)
    if faults:
        told.append(f"The tracker has met {faults:,} faults of its own; its log has a line for each.")
    if busy(snapshot, history) > BUSY_LIMIT:
        told.append(f"The loop is busy for {100 * busy(snapshot, history):.0f} % of the time.")
    return [each for each in told if each]


def lately(row: Metric, what: str, snapshot: StatsSnapshot, history: History) -> str:
    """A sentence for a counter that went up within LATELY, else empty."""
    gained = history.gained(snapshot.counters, row.name, snapshot.uptime, LATELY)
    return f"{what}. {row.text}: {gained:,} in the last 10 minutes." if gained else ""


def label_values(reading: Reading) -> list[str]:
    """The values of a sample's labels."""
    return [pair.partition("=")[2].strip('"') for pair in reading.labels.split(",")]


def busy(snapshot: StatsSnapshot, history: History) -> float:
    """The share of recent time in which the loop was busy."""
    return history.recent_busy(snapshot.reading(BUSY), snapshot.uptime)


def banner(told: list[str]) -> str:
    """The alarms, or one line if there are none."""
    if not told:
        return '<section class="banner good" role="status"><p>Nothing is wrong.</p></section>'
    items = "".join(f"<li>{escape(each)}</li>" for each in told)
    return f'<section class="banner bad" role="alert"><h2>Look at this</h2><ul>{items}</ul></section>'


def card_of_health(snapshot: StatsSnapshot, history: History, now: float) -> str:
    """The card: the loop, and every gauge that has a text for people."""
    rows = [
        ("Loop busy", f"{100 * busy(snapshot, history):.0f} %"),
        ("Datagrams dropped by the kernel", f"{snapshot.count('udp_dropped'):,}"),
    ]
    rows += [
        (reading.gauge.text.format(*label_values(reading)), shown(reading, now))
        for reading in snapshot.readings.values()
        if reading.gauge.text
    ]
    return facts("Health", rows)


def shown(reading: Reading, now: float) -> str:
    """A value with its unit, which is the end of the metric's name."""
    name, value = reading.gauge.name, reading.value
    if name.endswith("_timestamp_seconds"):
        return ago(value, now)
    if name.endswith("_seconds"):
        return duration(int(value)) if value >= 1 else f"{1000 * value:.1f} ms"
    if name.endswith("_limit_bytes") and value == 0:
        return "none"
    return size(value) if name.endswith("_bytes") else f"{value:,.0f}"


def size(number: float) -> str:
    """A number of bytes for people: 56.7 kB."""
    text = short(number)
    return f"{text[:-1]} {text[-1]}B" if text[-1].isalpha() else f"{text} B"


def ago(seconds: float, now: float) -> str:
    """A time in seconds since 1970 for people: its age, and date and time."""
    if seconds == 0:
        return "not yet"
    return f"{duration(max(0, int(now - seconds)))} ago, {at(seconds)}"


def at(seconds: float) -> str:
    """A time since 1970 as date and time of day."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))

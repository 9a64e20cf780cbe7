import json

from opentracker._features import BUILD_RECORD
from opentracker.config.settings import Settings
from opentracker.features.statistics.page import Statistics
from tests.server.live import Live

FLAGS: dict[str, bool] = json.loads(BUILD_RECORD)["flags"]
ALWAYS = (
    *("conn", "tcp4", "udp4", "scrp", "fscr", "syncs", "completed", "peer"),
    *("torr", "s24s", "top10", "top100", "herr", "renew", "version", "everything"),
)
BY_FLAG = {
    "prometheus": "WANT_STATS_PROMETHEUS",
    "html": "WANT_STATS_HTML",
    "clients": "WANT_CLIENT_COUNT",
    "woodpeckers": "WANT_SPOT_WOODPECKER",
    "busy": "WANT_LOG_NETWORKS",
    "numwants": "WANT_LOG_NUMWANT",
}
OWN_ANSWER = {"fulllog": "WANT_FULLLOG_NETWORKS", "tpbs": "WANT_FULLSCRAPE"}
FORMS = {"html", "prometheus"}  # they have no other


def test_the_modes_of_this_build() -> None:
    live = Live(Settings())
    statistics = live.server.part(Statistics)
    wanted = {*ALWAYS, *(mode for mode, flag in BY_FLAG.items() if FLAGS[flag])}
    assert set(statistics.renderings[""]) == wanted
    assert set(statistics.renderings.get("json", {})) == (
        wanted - FORMS if FLAGS["WANT_STATS_JSON"] else set()
    )
    own = {mode for mode, flag in OWN_ANSWER.items() if FLAGS[flag]}
    assert set(statistics.streams) - {"statedump"} == own
    assert (b"/announce" in live.server.http_answers.pages) is FLAGS["WANT_FULLLOG_NETWORKS"]
    live.close()

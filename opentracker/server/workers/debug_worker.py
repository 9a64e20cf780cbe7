"""A worker of `opentracker.debug`."""

from opentracker.server.store_check import CheckedServer
from opentracker.server.workers.refusals import TellingSharedHttpResponder, TellingSharedUdpResponder
from opentracker.server.workers.worker import Worker


class DebugWorker(CheckedServer, Worker):
    """A worker that logs refused requests and checks its share of the torrents."""

    def new_http_answers(self, redirect_url: bytes) -> TellingSharedHttpResponder:
        """See Core."""
        self.shared_http = TellingSharedHttpResponder(self.tracker, self.counters, redirect_url, self.mesh)
        return self.shared_http

    def new_udp_responder(self) -> TellingSharedUdpResponder:
        """See Core; one answers the datagrams of all sockets."""
        answers = TellingSharedUdpResponder(self.tracker, self.ids, self.counters, self.mesh)
        self.strays = self.shared_udp = answers
        return answers

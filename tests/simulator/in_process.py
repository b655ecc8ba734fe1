"""The simulator without a socket: a call goes in as the transport makes it, its reply comes out."""

from __future__ import annotations

from aspm_ado.adapters.http.route import Proxies, Router
from aspm_ado.adapters.http.transport import head_of, received_at, text_of
from aspm_ado.domain.http import HEADERS, Call, Reply
from aspm_ado.simulator import Simulator
from aspm_ado.simulator.http import Request


class InProcess:
    """Takes the place of a transport."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._router = Router(Proxies({}, ()), None, timeout=5)

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send, and bring the reply and the whole text of its body."""
        sent = self._router.route(call)
        headers = tuple(sent.headers.items())
        request = Request(call.method, sent.headers["Host"], sent.path, headers, sent.body or b"")
        response = self._simulator.receive(request)
        assert not response.is_lost, "only a socket can lose an answer"
        kept = tuple(one for one in response.headers if one[0].lower() in HEADERS)
        received = received_at(response.header("Date") or "")
        reply = Reply(call, response.status, kept, head_of(response.body), received=received)
        return reply, text_of(response.body)

"""Azure DevOps over HTTP: a call goes out by the transport, and a good answer comes back read."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aspm_ado.adapters.answers import read
from aspm_ado.domain.answers import HOLDS_A_SECRET
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Call, Reply


class Exchange(Protocol):
    """What of the transport is used here."""

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send, and bring the reply and the whole text of its body."""
        ...


class AzureDevOps:
    """Sends calls and reads what they expect."""

    def __init__(self, transport: Exchange) -> None:
        self._transport = transport

    def send(self, call: Call) -> Reply:
        """The reply to ``call``; ``answer`` is set when a 200 or 201 holds the document that the call expects.

        A 200 that is cut short looks like any other without a Content-Length (measured): it is
        ``answer-unreadable``, never a word about the token. HTML is left to the judge: it is a sign-in page.
        """
        reply, text = self._transport.exchange(call)
        if (
            call.expects is None
            or reply.failure
            or reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED)
            or text.lstrip("\ufeff \t\r\n")[:1] == "<"
        ):
            return reply
        if call.expects in HOLDS_A_SECRET:
            reply = replace(reply, text="")
        try:
            return replace(reply, answer=read(call.expects, text))
        except ValueError:
            return replace(
                reply,
                failure=Reason.ANSWER_UNREADABLE,
                problem=f"{str(Origin.of(call.url)).partition('://')[2]} answered, but not with what was asked for: "
                "the answer was cut short, or is not the document that Azure DevOps describes.",
                remedy="Try again; if it stays, something between this machine and the service changes its answers.",
            )

"""Both services over HTTP: each call by the transport of its connection, and a good answer read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aspm_ado.adapters.http.documents import read
from aspm_ado.domain.documents import HOLDS_A_SECRET
from aspm_ado.domain.http import Call, Origin, Reply
from aspm_ado.domain.reasons import BUG_REMEDY, Reason, UserError, bug_words

if TYPE_CHECKING:
    from aspm_ado.adapters.http.transport import Transport


class Exchange(Protocol):
    """What of a transport is used here."""

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send, and bring the reply and the whole text of its body."""
        ...


class Exchanges:
    """Sends each call by the transport that trusts what the call's connection trusts.

    Transports are made when they are first needed, since that takes longer than a person likes to
    wait for a first question; with ``now`` the usual one at once, so that what is wrong with it is
    a usage error.
    """

    def __init__(self, make: Callable[[str | None], Transport], *, now: bool = False) -> None:
        self._make = make
        self._made: dict[str | None, Transport] = {}
        if now:
            self._made[None] = make(None)
        self._lock = threading.Lock()

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send. A recorded CA file that cannot be read fails its own connection, and no other."""
        try:
            with self._lock:
                if call.ca_bundle not in self._made:
                    self._made[call.ca_bundle] = self._make(call.ca_bundle)
                transport = self._made[call.ca_bundle]
        except UserError as error:
            failed = Reply(
                call, failure=Reason.TLS_UNTRUSTED, problem=error.problem, remedy=error.remedy
            )
            return failed, ""
        return transport.exchange(call)

    def close(self) -> None:
        """Close every connection of every transport."""
        for transport in self._made.values():
            transport.close()


class AzureDevOps:
    """Sends calls and reads what they expect."""

    def __init__(self, transport: Exchange) -> None:
        self._transport = transport

    def send(self, call: Call) -> Reply:
        """The reply; ``answer`` is set where a 200 or 201 holds the document that is expected.

        A 200 that is cut short looks like any other without a Content-Length (measured): it is
        ``answer-unreadable``, never a word about the token. HTML is left to the rules: it is a
        sign-in page. A bug of ours is told in the reply, too: it says nothing about the others.
        """
        try:
            return self._read(call)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001  (one bad answer spoils one call, and is told)
            return Reply(call).failed(Reason.ANSWER_UNREADABLE, bug_words(error), BUG_REMEDY)

    def _read(self, call: Call) -> Reply:
        reply, text = self._transport.exchange(call)
        is_good = reply.status in (HTTPStatus.OK, HTTPStatus.CREATED) and not reply.failure
        if call.expects is None or not is_good or text.lstrip("\ufeff \t\r\n")[:1] == "<":
            return reply
        if call.expects in HOLDS_A_SECRET:
            reply = reply.with_text("")
        try:
            return replace(reply, answer=read(call.expects, text))
        except ValueError:
            host = str(Origin.of(call.url)).partition("://")[2]
            return reply.failed(
                Reason.ANSWER_UNREADABLE,
                f"{host} answered, but the answer is incomplete or not in the documented form.",
                "Try again. If the error persists, something on the network path changes the "
                "answers.",
            )

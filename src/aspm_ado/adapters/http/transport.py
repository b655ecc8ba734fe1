"""The only way out: sends a call to the origin it is bound to and brings back what came, or why nothing did."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from sys import intern
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError

from aspm_ado.adapters.http.body import (
    UnusableBodyError,
    forms_of,
    head_of,
    read_body,
    received_at,
    struck,
    text_of,
)
from aspm_ado.adapters.http.errors import (
    Trouble,
    proxy_sign_in,
    proxy_unusable,
    trouble_before_answer,
    trouble_in_answer,
)
from aspm_ado.adapters.http.pacing import (
    LONGEST_WAIT,
    RETRIES,
    Gate,
    Limit,
    Pace,
    back_off,
    is_transient,
    retry_after,
)
from aspm_ado.adapters.http.route import Proxies, Route, Router
from aspm_ado.adapters.http.trust import Trust, load_trust
from aspm_ado.adapters.http.wire import CONNECT, LIMIT, Wire
from aspm_ado.domain.http import HEADERS, Call, Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

_TROUBLE: Final = (requests.RequestException, HTTPError, OSError, http.client.HTTPException)


class Transport:
    """Sends calls from any number of threads; no cookie, no redirect, no ``~/.netrc``, no unverified TLS.

    There is no ``requests.Session``: all that one adds to a bare adapter is what must not happen here. (It reads the
    whole body of a redirect, without a cap, even when told not to follow it.)
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        ca_bundle: Path | None,
        timeout: float = 30.0,
        simulator: str | None = None,
        trace: Callable[[str], None] | None = None,
        note: Callable[[str], None] | None = None,
        workers: int = 16,
        pace: Pace | None = None,
        gate: Gate | None = None,
        trust: Trust | None = None,
    ) -> None:
        """Read the environment and the certificates, once. ``gate`` is shared by the transports of one run.

        ``trust`` is what was loaded already, in place of ``ca_bundle`` and the environment's.

        Raises ``UsageError`` for a CA bundle that cannot be read and for a simulator that is not on this machine.
        """
        self._pace = pace or Pace()
        self._trace, self._note = trace, note or (lambda _: None)
        self._timeout = timeout
        self._router = Router(Proxies.read(environment), simulator, timeout)
        self._wire = Wire(
            (trust or load_trust(environment, ca_bundle, self._note)).context, workers
        )
        self._gate = gate or Gate(self._pace.clock)
        self._closed, self._lock = threading.Event(), threading.Lock()
        self._calls: set[Limit] = set()
        self._sleep = self._pace.sleep or self._closed.wait

    def send(self, call: Call) -> Reply:
        """Send ``call``, and a GET again where that may help. Trouble on the way is in the reply (``failure``).

        Raises ``RuntimeError``, before anything is sent, for a credential that is not bound to the call's origin.
        """
        return self.exchange(call)[0]

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """As ``send``, with the whole text of the body (up to 5 MB) of which the reply keeps the head."""
        route = self._router.route(call)
        limit = Limit(self._pace.clock, self._timeout)
        with self._lock:
            self._calls.add(limit)
        try:
            return self._until_settled(call, route, limit)
        finally:
            with self._lock:
                self._calls.discard(limit)

    def close(self) -> None:
        """Close every connection. Calls under way in other threads, and their waits, end at once."""
        self._closed.set()
        with self._lock:
            for limit in self._calls:
                limit.cut()
        self._wire.close()

    def _until_settled(self, call: Call, route: Route, limit: Limit) -> tuple[Reply, str]:
        retries = RETRIES if call.method == "GET" else 0
        outcome: _Outcome | None = None
        for attempt in range(retries + 1):
            if not self._pass_gate(route, limit):
                break
            outcome = self._attempt(call, route, limit)
            reply, is_last = outcome.reply, attempt >= min(outcome.tries, retries)
            asked = retry_after(reply)
            if is_last and not asked and reply.status != 429:
                break
            wait = (asked or back_off(attempt, self._pace.jitter())) + (
                0.5 * self._pace.jitter() if asked else 0.0
            )
            if asked or reply.status == 429:
                self._gate.shut(route.lane, asked or wait, firm=reply.status == 429)
            if asked:
                self._gate.shut(route.where.host, asked, firm=False)
            if is_last or wait > LONGEST_WAIT or wait >= limit.left:
                break
            cause = f"answered {reply.status}" if reply.status else "did not answer"
            self._pause(route, wait, f"{route.where.host} {cause}; trying again in {wait:.0f} s.")
            if self._closed.is_set():
                break
        return (outcome.reply, outcome.text) if outcome else (_held_back(call, route), "")

    def _pass_gate(self, route: Route, limit: Limit) -> bool:
        """Wait until the lane may be used; whether it may within the time of the call.

        A hint (200 with ``Retry-After``, or a neighbour's 429) slows a call down, by half its time at most; it fails
        none.
        """
        hold = self._gate.held(route.lane, route.where.host)
        if hold.firm and hold.firm >= limit.left:
            return False
        wait = max(hold.firm, min(hold.hint, limit.left / 2))
        if wait > 0:
            self._pause(route, wait, f"{route.where.host} asks to slow down: waiting {wait:.0f} s.")
        if self._closed.is_set():
            raise RuntimeError("the transport is closed")
        return True

    def _pause(self, route: Route, seconds: float, line: str) -> None:
        if seconds >= 1 and self._gate.is_news(route.where.host, seconds):
            self._note(line)
        self._sleep(seconds)

    def _attempt(self, call: Call, route: Route, limit: Limit) -> _Outcome:
        """One request and its answer, if one comes."""
        started = self._pace.clock()
        token = LIMIT.set(limit)
        try:
            outcome = self._answered(call, route, limit).without(forms_of(call))
        finally:
            LIMIT.reset(token)
            limit.socket = None
        if self._trace:
            reply = outcome.reply
            result = f"{reply.status or '-'} {reply.failure or ''}".strip()
            spent = (self._pace.clock() - started) * 1000
            activity = reply.header("ActivityId") or "-"
            self._trace(
                clean(
                    f"{call.method} {call.url} {result} {spent:.0f} ms ActivityId={activity}", 1000
                )
            )
        return outcome

    def _answered(self, call: Call, route: Route, limit: Limit) -> _Outcome:
        if route.proxy and not route.proxy.usable:
            return _failed(Reply(call), proxy_unusable(route.where))
        try:
            timeout = (limit.allow(CONNECT), limit.allow(limit.read))
            raw = self._wire.ask(route.request, timeout, route.proxies)
        except _TROUBLE as error:
            return _failed(
                Reply(call), trouble_before_answer(error, route.where, spent=limit.left <= 0)
            )
        # Most of their values are the same in every answer, and thousands of answers are kept until the report is made.
        headers = tuple(
            (intern(name), intern(value))
            for name, value in raw.headers.items()
            if name.lower() in HEADERS
        )
        told: dict[str, Any] = {"status": raw.status, "headers": headers}
        told["received"] = received_at(raw.headers.get("Date", ""))
        with contextlib.closing(
            raw
        ):  # closes the connection unless it was released: what is unread stays unread
            try:
                body = read_body(raw)
            except UnusableBodyError as error:
                problem = f"The answer of {route.where.name} {error}.{route.where.doubt}"
                remedy = "Check the address; something between this machine and the service may have answered."
                return _failed(
                    Reply(call, **told), Trouble(Reason.ANSWER_UNREADABLE, problem, remedy)
                )
            except _TROUBLE as error:
                return _failed(
                    Reply(call, **told),
                    trouble_in_answer(error, route.where, spent=limit.left <= 0),
                )
            raw.release_conn()
        reply = Reply(call, text=head_of(body), **told)
        if reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and route.proxy:
            return _failed(reply, proxy_sign_in(route.where))
        return _Outcome(reply, text_of(body), RETRIES if is_transient(reply) else 0)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one attempt brought; ``tries`` is how many more a GET is worth."""

    reply: Reply
    text: str = ""
    tries: int = 0

    def without(self, forms: tuple[str, ...]) -> _Outcome:
        """The same without what is repeated of our secrets."""
        reply, text = struck(self.reply, self.text, forms)
        return self if reply is self.reply else replace(self, reply=reply, text=text)


def _failed(reply: Reply, trouble: Trouble) -> _Outcome:
    told: dict[str, Any] = {"problem": clean(trouble.problem, 600), "remedy": trouble.remedy}
    return _Outcome(replace(reply, failure=trouble.reason, **told), tries=trouble.tries)


def _held_back(call: Call, route: Route) -> Reply:
    return Reply(
        call,
        failure=Reason.THROTTLED,
        problem=f"{route.where.name} asks to slow down for longer than a call may last; nothing was sent.",
        remedy="Wait a minute and try again; --timeout SECONDS lets each call wait longer.",
    )

"""The only way out: a call goes to the origin it is bound to; what came, or why nothing did.

A body is read to its end or to a cap, decompressed, and our secrets are taken out.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import hmac
import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from sys import intern
from typing import TYPE_CHECKING, Final

from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from aspm_ado.adapters.http.errors import (
    BODY_REMEDY,
    TOO_LARGE,
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
    Pace,
    back_off,
    is_transient,
    retry_after,
)
from aspm_ado.adapters.http.route import Proxies, Route, Router, unknown_simulator
from aspm_ado.adapters.http.trust import Trust, load_trust
from aspm_ado.adapters.http.wire import CAP, CONNECT, LIMIT, Addresses, Limit, Wire
from aspm_ado.domain.documents import HOLDS_A_SECRET
from aspm_ado.domain.http import HEADERS, Call, Origin, Reply
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import require_simulated
from aspm_ado.domain.text import clean, clean_said

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

TROUBLE: Final = (
    HTTPError,
    OSError,
    http.client.HTTPException,
    ValueError,  # a length that no buffer has (chunks of -2 bytes)
    OverflowError,
)
"""What libraries raise while a request is sent, and its answer is read."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """What holds for every transport of a run.

    ``timeout`` is the longest time of a call as a whole, in seconds; ``simulator`` the address that
    every call goes to instead; ``note`` is told of waits, ``warn`` of certificates, ``trace`` of
    each request.
    """

    environment: Mapping[str, str] = field(repr=False)
    timeout: float = 30.0
    simulator: str | None = None
    simulator_key: str = ""
    trace: Callable[[str], None] | None = None
    note: Callable[[str], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None
    workers: int = 16


class Transport:
    """Sends calls from any number of threads.

    No cookie, no redirect, no ``~/.netrc``, no unverified TLS. There is no ``requests.Session``:
    all that one adds to a bare adapter is what must not happen here. (It reads the whole body of a
    redirect, without a cap, even when told not to follow it.)
    """

    def __init__(
        self,
        settings: TransportSettings,
        ca_bundle: Path | None = None,
        *,
        pace: Pace | None = None,
        gate: Gate | None = None,
        trust: Trust | None = None,
    ) -> None:
        """Read the environment and the certificates, once.

        ``gate`` is shared by the transports of one run; ``trust`` is what was loaded already, in
        place of ``ca_bundle`` and the environment's.

        Raises ``UsageError`` for a CA bundle that cannot be read and for a simulator that is not on
        this machine.
        """
        self._settings, self._pace = settings, pace or Pace()
        proxies = Proxies.read(settings.environment)
        if trust is None:
            trust = load_trust(settings.environment, ca_bundle, settings.warn)
        self._router = Router(proxies, settings.simulator, settings.timeout, trust.context)
        self._wire = Wire(trust.context, settings.workers)
        self._addresses = Addresses()
        self._gate = gate or Gate(self._pace.clock)
        self._closed, self._lock = threading.Event(), threading.Lock()
        self._proving, self._is_proven = threading.Lock(), False
        self._calls: set[Limit] = set()
        self._sleep = self._pace.sleep or self._closed.wait

    def send(self, call: Call) -> Reply:
        """Send ``call``, and a GET again where that may help.

        Trouble on the way is in the reply (``failure``).

        Raises ``RuntimeError``, before anything is sent, for a credential that is not bound to the
        call's origin.
        """
        return self.exchange(call)[0]

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """As ``send``, with the whole text (up to 5 MB) of the body whose head the reply keeps.

        Raises ``UsageError`` where the simulator does not know the key of its variable, and in a
        simulation for a token that is not simulated.
        """
        if self._settings.simulator_key:
            _require_simulated(call)
        if self._settings.simulator_key and (unheard := self._prove_simulator(call)):
            return replace(unheard, call=call), ""
        return self._exchange(call)

    def _prove_simulator(self, call: Call) -> Reply | None:
        """Ask the simulator, once, whether it knows the key; the reply where it does not answer.

        Nothing that is secret is sent before.
        """
        with self._proving:
            if self._is_proven:
                return None
            nonce = token_hex(16)
            asked = Call("GET", f"{Origin.of(call.url)}/?nonce={nonce}", ca_bundle=call.ca_bundle)
            reply, text = self._exchange(asked)
            if reply.failure:
                return reply
            key = self._settings.simulator_key.encode()
            proof = hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()
            self._is_proven = hmac.compare_digest(proof.encode(), text.strip().encode())
            if not self._is_proven:
                raise unknown_simulator("The program at that URL does not know the key.")
            return None

    def _exchange(self, call: Call) -> tuple[Reply, str]:
        route = self._router.route(call)
        if call.pause:
            self._sleep(call.pause)
        limit = Limit(self._pace.clock, self._settings.timeout, self._addresses)
        with self._lock:
            self._calls.add(limit)
        try:
            outcome = self._until_settled(call, route, limit)
        finally:
            with self._lock:
                self._calls.discard(limit)
        return outcome.reply, outcome.text

    def close(self) -> None:
        """Close every connection.

        Calls under way in other threads, and their waits, end at once.
        """
        self._closed.set()
        with self._lock:
            for limit in self._calls:
                limit.cut()
        self._wire.close()

    def _until_settled(self, call: Call, route: Route, limit: Limit) -> _Outcome:
        retries = 0
        if call.method == "GET":
            retries = RETRIES
        outcome = _Outcome(_held_back(call, route))
        for attempt in range(retries + 1):
            if not self._pass_gate(route, limit):
                break
            outcome = self._attempt(call, route, limit)
            is_last = attempt >= min(outcome.tries, retries)
            wait = self._wait_after(outcome, route, attempt)
            if is_last or wait > LONGEST_WAIT or wait >= limit.left:
                break
            cause = "did not answer"
            if outcome.reply.status:
                cause = f"answered {outcome.reply.status}"
            self._pause(route, wait, f"{route.where.host} {cause}; trying again in {wait:.0f} s.")
            if self._closed.is_set():
                break
        return outcome

    def _wait_after(self, outcome: _Outcome, route: Route, attempt: int) -> float:
        """The seconds before a further attempt; what the answer asks for is asked of all calls."""
        reply = outcome.reply
        asked = retry_after(reply)
        if not (asked or outcome.tries):
            return 0.0
        jitter = self._pace.jitter()
        wait, is_firm = back_off(attempt, jitter), reply.status == HTTPStatus.TOO_MANY_REQUESTS
        if asked or is_firm:
            self._gate.shut(route.lane, asked or wait, firm=is_firm)
        if asked:
            wait = asked + 0.5 * jitter
            self._gate.shut(route.where.host, asked, firm=False)
        return wait

    def _pass_gate(self, route: Route, limit: Limit) -> bool:
        """Wait until the lane may be used; whether it may within the time of the call.

        A hint (200 with ``Retry-After``, or a neighbour's 429) slows a call down, by half its time
        at most; it fails none.
        """
        hold = self._gate.held(route.lane, route.where.host)
        if hold.firm and hold.firm >= limit.left:
            return False
        wait = max(hold.firm, min(hold.hint, limit.left / 2))
        if wait > 0:
            self._pause(
                route, wait, f"{route.where.host} is throttling requests: waiting {wait:.0f} s."
            )
        if self._closed.is_set():
            raise RuntimeError("the transport is closed")
        return True

    def _pause(self, route: Route, seconds: float, line: str) -> None:
        if seconds >= 1 and self._gate.is_news(route.where.host, seconds):
            self._settings.note(line)
        self._sleep(seconds)

    def _attempt(self, call: Call, route: Route, limit: Limit) -> _Outcome:
        """One request and its answer, if one comes."""
        started = self._pace.clock()
        token = LIMIT.set(limit)
        try:
            outcome = self._answered(call, route, limit).without_secrets()
        finally:
            LIMIT.reset(token)
            limit.socket = None
        self._trace(call, outcome.reply, self._pace.clock() - started)
        return outcome

    def _trace(self, call: Call, reply: Reply, seconds: float) -> None:
        if self._settings.trace is None:
            return
        result = f"{reply.status or '-'} {reply.failure or ''}".strip()
        activity = reply.header("ActivityId") or "-"
        line = f"{call.method} {call.url} {result} {seconds * 1000:.0f} ms ActivityId={activity}"
        self._settings.trace(clean(line, 1000))

    def _answered(self, call: Call, route: Route, limit: Limit) -> _Outcome:
        if route.proxy and not route.proxy.usable:
            return _failed(Reply(call), proxy_unusable(route.where))
        try:
            timeout = Timeout(connect=limit.allow(CONNECT), read=limit.allow(limit.read))
            raw = self._wire.ask(route, timeout)
        except TROUBLE as error:
            spent = limit.left <= 0
            return _failed(Reply(call), trouble_before_answer(error, route.where, spent=spent))
        answered = partial(
            Reply,
            call,
            status=raw.status,
            headers=_kept_headers(raw),
            received=received_at(raw.headers.get("Date", "")),
        )
        # Closes the connection unless it was released: what is unread stays unread.
        with contextlib.closing(raw):
            try:
                body = read_body(raw, head_only=call.head_only)
            except UnusableBodyError as error:
                problem = f"The answer of {route.where.name} {error}.{route.where.doubt}"
                return _failed(answered(), Trouble(Reason.ANSWER_UNREADABLE, problem, BODY_REMEDY))
            except TROUBLE as error:
                spent = limit.left <= 0
                return _failed(answered(), trouble_in_answer(error, route.where, spent=spent))
            if not call.head_only:
                raw.release_conn()
        reply = answered(text=head_of(body))
        if reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and route.proxy:
            offers = raw.headers.getlist("Proxy-Authenticate")
            return _failed(reply, proxy_sign_in(route.where, offers))
        if is_transient(reply):
            return _Outcome(reply, text_of(body), RETRIES)
        return _Outcome(reply, text_of(body))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one attempt brought; ``tries`` is how many more a GET is worth."""

    reply: Reply
    text: str = ""
    tries: int = 0

    def without_secrets(self) -> _Outcome:
        """The same without what is repeated of our secrets."""
        reply, text = without_secrets(self.reply, self.text)
        return _Outcome(reply, text, self.tries)


def _require_simulated(call: Call) -> None:
    """Raise ``UsageError`` for a token that may be real. A sign-in is one of the simulated `az`."""
    credential = call.credential
    if credential is not None and not (credential.bearer or credential.secret.made_up):
        require_simulated(credential.secret)


def _kept_headers(raw: HTTPResponse) -> tuple[tuple[str, str], ...]:
    """The headers that verdicts read, each text once and cut.

    Most are the same in every answer, and thousands are kept until the report is made.
    """
    found = [(name, value) for name in HEADERS for value in raw.headers.getlist(name)]
    return tuple([(name, intern(value[:HEAD])) for name, value in found])


def _failed(reply: Reply, trouble: Trouble) -> _Outcome:
    failed = reply.failed(trouble.reason, clean(trouble.problem, 600), trouble.remedy)
    return _Outcome(failed, tries=trouble.tries)


def _held_back(call: Call, route: Route) -> Reply:
    return Reply(
        call,
        failure=Reason.THROTTLED,
        problem=f"{route.where.name} is throttling requests for longer than the time limit. "
        "aspm-ado sent nothing.",
        remedy="Wait a minute and try again, or pass a longer --timeout SECONDS.",
    )


HEAD: Final = 4096
"""Bytes of a body that a reply keeps."""

_YEARS: Final = range(1990, 2200)
_CHUNK: Final = 64 * 1024


class UnusableBodyError(Exception):
    """A body that is not read to its end; the text is ours and can be shown."""


def read_body(raw: HTTPResponse, *, head_only: bool = False) -> bytes:
    """The whole body, or its head.

    Raises ``UnusableBodyError``, or what urllib3 raises when it is cut short or damaged.

    200 KB of gzip can become 200 MB; so what comes out is counted, in pieces, and only one layer of
    the two encodings that we ask for is undone (urllib3 would take brotli and zstd where their
    modules are installed).
    """
    encoding = str(raw.headers.get("Content-Encoding", "")).strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnusableBodyError(
            f"is in an encoding that was not asked for ({clean_said(encoding, 40)})"
        )
    body = bytearray()
    size = _CHUNK
    if head_only:
        size = HEAD
    for chunk in raw.stream(size, decode_content=True):
        body += chunk
        if head_only and len(body) >= HEAD:
            break
        if len(body) > CAP:
            raise UnusableBodyError(TOO_LARGE)
    return bytes(body)


def text_of(body: bytes) -> str:
    """The body as text; Azure DevOps puts a BOM before some answers (recorded: 503 TF24668)."""
    return body.decode("utf-8-sig", "replace")


def head_of(body: bytes) -> str:
    """The first 4 KiB as text, not cut within a character."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    return decoder.decode(body[:HEAD], final=len(body) <= HEAD)


# Many answers are of the same second.
@lru_cache(maxsize=8)
def received_at(date: str) -> datetime | None:
    """The ``Date`` of an answer, or ``None`` when it has none that a calendar can go on from."""
    try:
        moment = parsedate_to_datetime(date)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.year not in _YEARS:
        return None
    return moment


def without_secrets(reply: Reply, body: str) -> tuple[Reply, str]:
    """A reply and the whole text of its body without any secret of this run.

    A body that is to bring a new secret is read as it is.
    """
    hide = KNOWN_SECRETS.hide
    is_head = body == reply.text
    said = "\n".join([*(value for _, value in reply.headers), reply.problem, reply.text])
    if hide(said) != said:  # rare; filtering each one alone takes five times as long
        headers = tuple((name, hide(value)) for name, value in reply.headers)
        reply = replace(reply, headers=headers, text=hide(reply.text), problem=hide(reply.problem))
    if reply.call.expects in HOLDS_A_SECRET:
        return reply, body
    if is_head:
        return reply, reply.text
    return reply, hide(body)

"""How long to wait and when to stop: the limit of a call, and what services ask for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aspm_ado.domain.http import Reply

RETRIES: Final = 2
LONGEST_WAIT: Final = 30.0
_TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_HUGE: Final = 1e9


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, given so that tests need neither.

    ``sleep`` is by default a wait that ``close`` ends.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    jitter: Callable[[], float] = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Hold:
    """Seconds for which a service refuses (``firm``, 429), or asks to go slower (``hint``)."""

    firm: float = 0.0
    hint: float = 0.0


class Gate:
    """“Not before”, shared by all threads and transports: who slows one call down means all.

    Its keys are lanes (a host and an organization) and hosts. One organization that refuses holds
    back its own calls; the rest of its host only goes slower, so that it cannot take anybody else's
    verdict away.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._until: dict[tuple[str, bool], float] = {}
        self._told: dict[str, float] = {}

    def shut(self, key: str, seconds: float, *, firm: bool) -> None:
        """Let nobody pass for ``seconds``, at most ``LONGEST_WAIT``; shortens no earlier wait."""
        until = self._clock() + min(seconds, LONGEST_WAIT)
        with self._lock:
            self._until[key, firm] = max(self._until.get((key, firm), until), until)

    def held(self, *keys: str) -> Hold:
        """How long a call that belongs to all of ``keys`` is still held back."""
        now = self._clock()
        with self._lock:
            firm = max(self._until.get((key, True), now) for key in keys)
            hint = max(self._until.get((key, False), now) for key in keys)
        return Hold(max(0.0, firm - now), max(0.0, hint - now))

    def is_news(self, host: str, seconds: float) -> bool:
        """Whether nobody was told yet that ``host`` is waited for: sixteen wait, one speaks."""
        now = self._clock()
        with self._lock:
            if self._told.get(host, 0.0) > now:
                return False
            self._told[host] = now + seconds
        return True


def retry_after(reply: Reply) -> float | None:
    """The seconds that the answer asks to wait; ``None`` for nothing and for nonsense.

    RFC 9110, 10.2.3. A date is read against the answer's own ``Date``: the clock of this machine
    may be a year off.
    """
    value = reply.header("Retry-After").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value) if len(value) <= 9 else _HUGE
        return seconds or None
    if not value or reply.received is None:
        return None
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:
            until = until.replace(tzinfo=reply.received.tzinfo)
        seconds = (until - reply.received).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    if seconds <= 0:
        return None
    return seconds


def is_transient(reply: Reply) -> bool:
    """Whether the same GET may be answered better in a moment.

    A deactivated organization says 503 for ever, in the body with a BOM and percent-encoded in a
    header (recorded).
    """
    if reply.status == 503 and "TF24668" in reply.header("X-TFS-ServiceError") + reply.text:
        return False
    return reply.status in _TRANSIENT


def back_off(attempt: int, jitter: float) -> float:
    """Seconds before retry ``attempt`` (0, 1) where the service names none: 0.5 to 1, 1 to 2."""
    return 0.5 * (attempt + 1) * (1 + jitter)

"""One transport for each set of trusted certificates: a connection's own CA is trusted for that connection alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from aspm_ado.domain.errors import UserError
from aspm_ado.domain.exchange import Call, Reply
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.adapters.network.transport import Transport


class Exchanges:
    """Sends each call by the transport that trusts what the call's connection trusts."""

    def __init__(self, make: Callable[[str | None], Transport], *, now: bool = False) -> None:
        """Transports are made when they are first needed, since that takes longer than a person likes to wait for a
        first question; with ``now`` the usual one at once, so that what is wrong with it is a usage error.
        """
        self._make = make
        self._made: dict[str | None, Transport] = {None: make(None)} if now else {}
        self._lock = threading.Lock()

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send. A recorded CA file that cannot be read fails its own connection, and no other."""
        try:
            transport = self._of(call.ca_bundle)
        except UserError as error:
            return Reply(
                call, failure=Reason.TLS_UNTRUSTED, problem=error.problem, remedy=error.remedy
            ), ""
        return transport.exchange(call)

    def close(self) -> None:
        """Close every connection of every transport."""
        for transport in self._made.values():
            transport.close()

    def _of(self, ca_bundle: str | None) -> Transport:
        with self._lock:
            if ca_bundle not in self._made:
                self._made[ca_bundle] = self._make(ca_bundle)
            return self._made[ca_bundle]

"""The operating system's keyring as a vault: one trusted class, each call within a time limit.

And the memory of this process, for the demo and for rehearsals.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from aspm_ado.adapters.keyring.backends import (
    Backend,
    backend_title,
    class_of,
    open_backend,
    services_of,
)
from aspm_ado.adapters.keyring.errors import hung, not_given_back, not_gone, too_large, translated
from aspm_ado.adapters.threads import HungError, TimeBox
from aspm_ado.domain.reasons import InterruptedByUserError, Reason, StoreError
from aspm_ado.domain.secret import Secret, could_be_secret

ACCOUNT: Final = "aspm-ado"
"""The account name of an entry without an origin, as earlier versions wrote them."""

NOBODY_THERE: Final = 3.0
"""Seconds that one call may take."""

SOMEBODY_THERE: Final = 60.0
"""The same, where a person may answer a dialog."""

_DIALOG: Final = (
    "The keyring may be waiting for you to unlock it. Its window may be behind this one. "
    "Waiting up to {:.0f} seconds."
)
_NO_SUCH_SERVICE: Final = "aspm-ado/no-such-secret"
# CRED_MAX_CREDENTIAL_BLOB_SIZE; keyring writes UTF-16, so 1280 characters
_WINDOWS_BYTES: Final = 2560
_BYTES: Final = 64 * 1024  # gnome-keyring took 100 KB; no token is near this

T = TypeVar("T")


class KeyringVault:
    """A ``Vault`` in the keyring of the operating system, and in no other that is installed.

    The origin that a secret may be sent to is the account name of its entry, and each entry has a
    service name of its own: on Windows a second account under one service makes keyring move the
    first secret.

    ``keyring`` is imported by the first call, inside the time box. ``say`` speaks to the person who
    can answer a dialog, once, when a call takes long; ``None`` where nobody can. After one call
    that never came back all others fail at once; the one that hung may still take effect later, so
    its service name must stay on record until it is erased.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        say: Callable[[str], None] | None,
        platform: str = sys.platform,
        opener: Callable[[Mapping[str, str], str], Backend] = open_backend,
        seconds: float | None = None,
        patience: float = 1.0,
    ) -> None:
        self._environment, self._platform, self._opener = environment, platform, opener
        on_slow = None
        if say is None:
            seconds = seconds or NOBODY_THERE
        else:
            seconds = seconds or SOMEBODY_THERE
            on_slow = partial(say, _DIALOG.format(seconds))
        self._box = TimeBox(
            seconds, after_interrupt=NOBODY_THERE, patience=patience, on_slow=on_slow
        )
        self._backend: Backend | None = None

    @property
    def title(self) -> str:
        """``Secret Service (keyring.backends.SecretService.Keyring)``; opens it to be sure."""
        return backend_title(self._in_time(self._opened, "be opened"))

    def probe(self) -> None:
        """Read a name that does not exist.

        Never writes: a write opens a blocking dialog on macOS.
        """
        self._get(_NO_SUCH_SERVICE, "")

    def check_size(self, secret: Secret) -> None:
        """Refuse what this platform's keyring cannot take, without asking it."""
        encoding, limit = "utf-8", _BYTES
        if self._platform == "win32":
            encoding, limit = "utf-16-le", _WINDOWS_BYTES
        size = len(secret.reveal().encode(encoding, "surrogatepass"))
        if size > limit:
            raise too_large(size, limit)

    def write(self, service: str, secret: Secret, origin: str) -> None:
        """Set, read back, compare.

        A secret that comes back changed is erased as far as the keyring obeys.
        """
        self.check_size(secret)
        value = secret.reveal()
        self._call(lambda it: it.set_password(service, origin or ACCOUNT, value), "store a secret")
        try:
            kept = self.read(service, origin)
            if kept is None or not _same(kept, secret):
                raise not_given_back(self._platform)
        except StoreError:
            with suppress(StoreError):
                self.erase(service, origin)
            raise

    def read(self, service: str, origin: str) -> Secret | None:
        """The secret, or ``None``; also for a value that cannot be a secret of ours."""
        value = self._get(service, origin)
        if value and could_be_secret(value):
            return Secret(value)
        return None

    def bind(self, service: str, origin: str) -> bool:
        """Write the entry anew with its origin, read it back, then erase the one without."""
        old = self.read(service, "")
        if old is None:
            return self.read(service, origin) is not None
        if self.read(service, origin) is None:
            self.write(service, old, origin)
        self.erase(service, "")
        return True

    def erase(self, service: str, origin: str) -> None:
        """Delete, then read: backends differ in how they report a failure."""
        refusal: StoreError | None = None
        try:
            self._call(lambda it: it.delete_password(service, origin or ACCOUNT), "erase a secret")
        except StoreError as error:
            if error.reason is not Reason.KEYRING_FAILED:
                raise  # locked, absent or silent: another call would open its dialog again
            refusal = error
        if self._get(service, origin) is not None:
            raise refusal or not_gone(self._platform)

    def services(self) -> frozenset[str] | None:
        """The services of all entries, where the keyring lists them."""
        return self._call(services_of, "list its entries")

    def _get(self, service: str, origin: str) -> str | None:
        return self._call(lambda it: it.get_password(service, origin or ACCOUNT), "read a secret")

    def _call(self, work: Callable[[Backend], T], action: str) -> T:
        return self._in_time(lambda: work(self._opened()), action)

    def _opened(self) -> Backend:
        """The one backend of this vault, opened once; runs within the time limit."""
        if self._backend is None:
            self._backend = self._opener(self._environment, self._platform)
        return self._backend

    def _in_time(self, work: Callable[[], T], action: str) -> T:
        """Run ``work``; whatever it raises leaves here as a ``StoreError`` with no foreign text.

        The error is raised outside of the ``except`` block: a chained exception would carry the
        backend's message, which may hold the secret, into every traceback.
        """
        failure: StoreError
        try:
            return self._box.run(work)
        except (StoreError, InterruptedByUserError):
            raise
        except HungError as error:
            failure = hung(self._platform, error.seconds)
        except Exception as error:  # noqa: BLE001 - what backends raise is listed nowhere
            failure = translated(error, self._platform, action, class_of(self._backend))
        raise failure


def _same(one: Secret, other: Secret) -> bool:
    """Whether they are equal, in a time that does not tell where they differ."""
    encoded = (secret.reveal().encode("utf-8", "surrogatepass") for secret in (one, other))
    return hmac.compare_digest(*encoded)


class MemoryVault:
    """A ``Vault`` without a keyring: everything in it is gone when the process ends."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[str, str], Secret] = {}

    @property
    def title(self) -> str:
        """Says that nothing outlives the run."""
        return "the memory of this run (deleted when it ends)"

    def probe(self) -> None:
        """Memory is always there."""

    def check_size(self, secret: Secret) -> None:
        """Memory takes any."""

    def write(self, service: str, secret: Secret, origin: str) -> None:
        """Keep it until the process ends."""
        self._secrets[service, origin] = secret

    def read(self, service: str, origin: str) -> Secret | None:
        """The secret, or ``None``."""
        return self._secrets.get((service, origin))

    def services(self) -> frozenset[str] | None:
        """The services of all secrets."""
        return frozenset(service for service, _ in self._secrets)

    def bind(self, service: str, origin: str) -> bool:
        """Keep it under its origin."""
        if (old := self._secrets.pop((service, ""), None)) is not None:
            self._secrets.setdefault((service, origin), old)
        return (service, origin) in self._secrets

    def erase(self, service: str, origin: str) -> None:
        """Forget it; forgetting twice is not an error."""
        self._secrets.pop((service, origin), None)

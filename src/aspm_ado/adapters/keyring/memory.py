"""A vault that keeps secrets in this process and nowhere else: for the demo and for rehearsals."""

from __future__ import annotations

from aspm_ado.domain.secret import Secret


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

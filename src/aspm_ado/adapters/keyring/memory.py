"""A vault that keeps secrets in this process and nowhere else: for the demo and for rehearsals."""

from __future__ import annotations

from aspm_ado.domain.secret import Secret


class MemoryVault:
    """A ``Vault`` without a keyring: everything in it is gone when the process ends."""

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    @property
    def title(self) -> str:
        """Says that nothing outlives the run."""
        return "the memory of this run (nothing is kept when it ends)"

    def probe(self) -> None:
        """Memory is always there."""

    def check_size(self, secret: Secret) -> None:
        """Memory takes any."""

    def write(self, service: str, secret: Secret) -> None:
        """Keep it until the process ends."""
        self._secrets[service] = secret

    def read(self, service: str) -> Secret | None:
        """The secret, or ``None``."""
        return self._secrets.get(service)

    def erase(self, service: str) -> None:
        """Forget it; forgetting twice is not an error."""
        self._secrets.pop(service, None)

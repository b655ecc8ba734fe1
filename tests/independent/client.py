"""A plain client for the self-tests: asks the server without the command, well-behaved or sinning."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import requests

from .internet import Internet
from .ledger import Given
from .world import Pat

MANNERS = {
    "X-TFS-FedAuthRedirect": "Suppress",
    "User-Agent": "aspm-ado/0",
    "Accept": "application/json",
}


def basic(secret: str, user: str = "") -> str:
    """The header's value."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")


class Client:
    """Asks over TLS through the proxy; follows nothing, reads no .netrc."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet

    def ask(
        self,
        url: str,
        pat: Pat | str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        data: str | None = None,
        user: str = "",
    ) -> requests.Response:
        """One request with good manners, which *headers* may spoil."""
        sent = dict(MANNERS)
        if pat is not None:
            sent["Authorization"] = basic(pat if isinstance(pat, str) else pat.secret, user)
        sent.update(headers or {})
        with requests.Session() as session:
            session.trust_env = False
            proxies = {"https": self.internet.proxy_url()}
            answer = session.request(
                method,
                url,
                headers={name: value for name, value in sent.items() if value},
                data=data,
                proxies=proxies,
                verify=str(self.internet.authority_file),
                allow_redirects=False,
                timeout=10,
            )
            answer.content  # noqa: B018  (read before the session closes)
            return answer

    def given(
        self,
        *pats: Pat,
        aspm_token: str | None = None,
        clone_username: str | None = None,
        poison: tuple[str, ...] = (),
    ) -> None:
        """Begin a run that was told these."""
        told = Given({one.secret: one for one in pats}, {}, aspm_token, clone_username, poison)
        self.internet.ledger.begin_run(told)

"""A plain client: asks over TLS through the proxy, well-behaved or not."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import requests

from aspm_ado.simulator.world import IssuedToken

from .internet import Internet
from .monitor import Inputs

MANNERS = {
    "X-TFS-FedAuthRedirect": "Suppress",
    "User-Agent": "aspm-ado/0",
    "Accept": "application/json",
}


def basic(secret: str, user: str = "") -> str:
    """The header's value."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")


class HttpsClient:
    """Follows nothing, reads no .netrc."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet

    def ask(
        self,
        url: str,
        token: IssuedToken | str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        data: str | None = None,
        user: str = "",
    ) -> requests.Response:
        """One request with good manners, which ``headers`` may spoil."""
        sent = dict(MANNERS)
        if token is not None:
            sent["Authorization"] = basic(token if isinstance(token, str) else token.value, user)
        sent.update(headers or {})
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(
                method,
                url,
                headers={name: value for name, value in sent.items() if value},
                data=data,
                proxies={"https": self.internet.proxy_url()},
                verify=str(self.internet.authority_file),
                allow_redirects=False,
                timeout=10,
            )
            response.content  # noqa: B018  (read before the session closes)
            return response

    def given(
        self,
        *tokens: IssuedToken,
        aspm_token: str | None = None,
        clone_username: str | None = None,
        decoys: tuple[str, ...] = (),
    ) -> None:
        """Begin a run that was given these."""
        known = {one.value: one for one in tokens}
        self.internet.monitor.begin_run(Inputs(known, {}, aspm_token, clone_username, decoys))

    @property
    def violations(self) -> str:
        """What was noticed so far, one in each line."""
        return "\n".join(self.internet.monitor.violations)

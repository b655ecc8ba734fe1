"""The scopes of a personal access token, and the simulated page where a person edits them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Set
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import parse_qs

from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.world import IssuedToken, LiveWorld

FULL_ACCESS: Final = "app_token"


@dataclass(frozen=True, slots=True)
class _Scope:
    """A scope, the scope that it contains, and its label on the token page, if any."""

    name: str
    contains: str | None = None
    category: str = ""
    label: str = ""


# Microsoft's published scope table (facts/azure-devops.md §1), in the order of the token page.
SCOPES: Final = (
    _Scope(FULL_ACCESS, None, "Full access", "Full access"),
    _Scope("vso.agentpools", None, "Agent Pools", "Read"),
    _Scope("vso.build", "vso.hooks_write", "Build", "Read"),
    _Scope("vso.code", "vso.hooks_write", "Code", "Read"),
    _Scope("vso.code_write", "vso.code", "Code", "Read & write"),
    _Scope("vso.code_manage", "vso.code_write", "Code", "Read, write, & manage"),
    _Scope("vso.code_full", "vso.code_manage", "Code", "Full"),
    _Scope("vso.code_status", None, "Code", "Status"),
    _Scope("vso.graph", None, "Graph", "Read"),
    _Scope("vso.identity", None, "Identity", "Read"),
    _Scope("vso.identity_manage", "vso.identity", "Identity", "Read & manage"),
    _Scope("vso.memberentitlementmanagement", None, "Member Entitlement Management", "Read"),
    _Scope("vso.project", None, "Project and Team", "Read"),
    _Scope("vso.project_write", "vso.project", "Project and Team", "Read & write"),
    _Scope("vso.project_manage", "vso.project_write", "Project and Team", "Read, write, & manage"),
    _Scope("vso.profile", None, "User Profile", "Read"),
    _Scope("vso.profile_write", "vso.profile", "User Profile", "Read & write"),
    _Scope("vso.work", "vso.hooks_write", "Work Items", "Read"),
    _Scope("vso.work_write", "vso.work", "Work Items", "Read & write"),
    _Scope("vso.work_full", "vso.work_write", "Work Items", "Read, write, & manage"),
    _Scope("vso.hooks_write", "vso.hooks"),
    _Scope("vso.hooks", "vso.profile"),
)
OFFERED: Final = frozenset(scope.name for scope in SCOPES if scope.category)
_CONTAINS: Final = {scope.name: scope.contains for scope in SCOPES}


def everything_in(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes and all that they contain."""
    held: set[str] = set()
    for scope in scopes:
        current: str | None = scope
        while current is not None and current not in held:
            held.add(current)
            current = _CONTAINS.get(current)
    return frozenset(held)


def satisfies(scopes: Iterable[str], accepted: Set[str]) -> bool:
    """Whether one of the scopes is in `accepted`, directly or not.

    An empty `accepted` means every valid token: the hidden base scope (facts/azure-devops.md §1
    [unconfirmed], consistent with connectionData as the login check).
    """
    held = everything_in(scopes)
    return not accepted or FULL_ACCESS in held or bool(held & accepted)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "fieldset{margin:0 0 1.5rem;border:1px solid #888;border-radius:6px}"
    "label{display:block}code{font-size:1.05em}small{color:#555}"
)
_GUARDS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


class TokenPage:
    """One page with one form per token. It accepts posts only from its own forms.

    Only loopback host names get the page, so a foreign name that resolves here (DNS rebinding)
    gets nothing. A post needs the page's own origin and the random key of its forms.
    """

    def __init__(self, live: LiveWorld) -> None:
        self._live = live
        self._key = secrets.token_urlsafe(24)

    def respond(self, request: Request, port: int) -> Response:
        """Show the page, or accept one form and send the browser back to the page."""
        if request.authority.lower() not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return _plain(421, "This host is not simulated.")
        if request.path != "/":
            return _plain(404, "The only page is /")
        if request.method in ("GET", "HEAD"):
            html = ("Content-Type", "text/html; charset=utf-8")
            return Response(200, self._page().encode(), (html, *_GUARDS))
        if request.method == "POST":
            return self._save(request)
        return _plain(405, "Use GET or POST.")

    def _save(self, request: Request) -> Response:
        origin = request.header("Origin")
        # Browsers send Origin with every post. Other clients may omit it, but need the key.
        if origin is not None and origin != f"http://{request.authority.lower()}":
            return _plain(403, "Another site sent this form.")
        kind = (request.header("Content-Type") or "").partition(";")[0].strip()
        if kind != "application/x-www-form-urlencoded":
            return _plain(415, "Send the form from the page.")
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        if not secrets.compare_digest("".join(form.get("key", [])).encode(), self._key.encode()):
            return _plain(403, "This form has expired. Reload the page.")
        tokens = {str(index): token for index, token in enumerate(self._live.world.tokens)}
        token = tokens.get("".join(form.get("token", [])))
        scopes = frozenset(form.get("scope", []))
        if token is None or not scopes <= OFFERED:
            return _plain(400, "Unknown token or scope.")
        self._live.change(lambda now: now.with_token(token.value, scopes=scopes))
        return Response(303, b"", (("Location", "/"), *_GUARDS))

    def _page(self) -> str:
        world = self._live.world
        forms = "".join(self._form(index, token) for index, token in enumerate(world.tokens))
        today = escape(world.today.isoformat())
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f"<title>Simulated token page</title><style>{_STYLE}</style></head>"
            "<body><h1>Simulated token page</h1>"
            "<p>This page is simulated. Select scopes, save, then run the checks again in the "
            "terminal. The token keeps its value, as in Azure DevOps.</p>"
            f"<p><small>The simulated date is {today}.</small></p>{forms}</body></html>"
        )

    def _form(self, index: int, token: IssuedToken) -> str:
        boxes = ""
        for scope in SCOPES:
            if scope.category:
                selected = " checked" if scope.name in token.scopes else ""
                boxes += (
                    f'<label><input type="checkbox" name="scope" value="{escape(scope.name)}"'
                    f"{selected}> {escape(scope.category)}: {escape(scope.label)}</label>"
                )
        reach = token.reach or "All accessible organizations"
        return (
            f'<form method="post" action="/"><fieldset><legend>{escape(token.name)} '
            f"<code>…{escape(token.last4)}</code></legend>"
            f"<p>Owner: {escape(token.owner.name)} · Organization: {escape(reach)} · "
            f"Expires: {escape(token.expires.isoformat())}</p>"
            f'<input type="hidden" name="key" value="{escape(self._key)}">'
            f'<input type="hidden" name="token" value="{index}">{boxes}'
            "<p><button>Save</button></p></fieldset></form>"
        )


def _plain(status: int, text: str) -> Response:
    plain = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status, text.encode(), (plain, *_GUARDS))

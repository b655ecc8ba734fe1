"""The PAT Lifecycle API: create, list, change, and revoke tokens with a sign-in of Entra.

Shapes and names are from the specification of `tokens` 7.2. Refusals are from reports of users
(facts/pats-and-pains.md part B). Errors are 4xx or inside a 200, so an organization has both.
"""

from __future__ import annotations

import json
import secrets
import string
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from shlex import quote
from typing import Any, Final

from aspm_ado.simulator import responses, routing
from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.routing import IncomingCall, ServiceHost
from aspm_ado.simulator.samples import MARKER
from aspm_ado.simulator.scopes import FULL_ACCESS, OFFERED
from aspm_ado.simulator.world import (
    CreationRules,
    IssuedToken,
    Person,
    SignIn,
    World,
    stable_id,
)

_VERSION: Final = "7.1-preview.1"
_LONGEST: Final = 365
_LETTERS: Final = string.ascii_letters + string.digits


def is_for(request: Request) -> bool:
    """Whether a request is for this API, or for an organization on its host."""
    if request.host != ServiceHost.IDENTITY.value or not request.segments:
        return False
    rest = [part.casefold() for part in request.segments[1:]]
    return rest in ([], ["_apis", "tokens", "pats"])


def answer_tokens(call: IncomingCall) -> Response:
    """Answer one request."""
    request = call.request
    organization = call.world.organization(request.segments[0])
    if organization is None:
        return responses.unknown_organization()
    # Every caller gets the tenant, or the zero one of personal accounts.
    tenant = ("X-VSS-ResourceTenant", organization.tenant or responses.NO_TENANT)
    if len(request.segments) == 1:
        # The host has no page there: 404, but with the tenant (facts B3).
        return responses.unknown_organization().plus(tenant)
    if routing.token_in(call) is not None:
        return responses.refuse("no-pat-for-pats")
    who = _signed_in(request, call.world)
    if who is None or who.tenant != organization.tenant:
        if routing.suppresses(request):
            return responses.authentication_required(call.challenges).plus(tenant)
        return responses.sign_in_page()
    call.organization = organization
    return _answer_signed_in(call, who)


def _answer_signed_in(call: IncomingCall, who: SignIn) -> Response:
    if not who.is_person:
        return responses.to_sign_in(call.organization.tenant)
    if who.person not in call.organization.members:
        return responses.not_a_member(who.person)
    handlers = {"GET": _read, "POST": _create, "PUT": _update, "DELETE": _revoke}
    if call.request.method not in handlers:
        return responses.method_not_allowed(call.request.method)
    response = handlers[call.request.method](call, who.person)
    response.user = f"{who.person.id}:{who.person.mail}"
    return response


def _signed_in(request: Request, world: World) -> SignIn | None:
    scheme, _, value = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return next((one for one in world.sign_ins if one.value == value.strip()), None)


def sign_in_as_token(call: IncomingCall) -> IssuedToken | None:
    """A person's sign-in as a global token, for profiles/me and accounts.

    §2: both are documented for Entra; nord-stream lists with only a bearer.
    """
    who = _signed_in(call.request, call.world)
    if who is None or not who.is_person:
        return None
    return IssuedToken(who.value, "sign-in", who.person, frozenset({FULL_ACCESS}))


def _made_by_api(call: IncomingCall, owner: Person) -> list[IssuedToken]:
    return [one for one in call.world.tokens if one.owner == owner and one.authorization]


def _find(call: IncomingCall, owner: Person, authorization: object) -> IssuedToken | None:
    """The token of the caller with this authorization id."""
    every = _made_by_api(call, owner)
    return next((one for one in every if one.authorization == authorization), None)


def _is_over(token: IssuedToken, world: World) -> bool:
    return token.revoked or token.expires < world.today


def _create(call: IncomingCall, owner: Person) -> Response:
    wanted, today, rules = _body(call.request), call.world.today, call.organization.creation
    expires = _day(wanted.get("validTo")) or today + timedelta(days=30)
    scopes = frozenset(str(wanted.get("scope", "")).split())
    refused = _refused(wanted, scopes, rules) or _too_long((expires - today).days, rules)
    if refused:
        return _error(call, refused)
    if rules.longest is not None:
        expires = min(expires, today + timedelta(days=rules.longest))
    if rules.grants is not None:
        scopes = rules.grants
    made = IssuedToken(
        _new_value(),
        str(wanted["displayName"]),
        owner,
        scopes,
        call.organization.name,
        expires,
        authorization=stable_id("authorization", secrets.token_hex(16)),
    )
    is_lost = rules.loses != "nothing" and call.live.lose(call.organization.name)
    if not is_lost or rules.loses == "after":
        call.live.change(lambda now: replace(now, tokens=(*now.tokens, made)))
    if is_lost:
        return Response(503, is_lost=True)
    return _result(made, value=made.value)


def _refused(wanted: dict[str, Any], scopes: frozenset[str], rules: CreationRules) -> str:
    """The `patTokenError` of a request; empty if there is none."""
    if rules.refuses:
        return rules.refuses
    if not str(wanted.get("displayName", "")).strip():
        return "displayNameRequired"
    if not scopes or not scopes <= OFFERED:
        return "invalidScope"
    if wanted.get("allOrgs") is not False:
        return "globalPATCreationBlocked"
    return ""


def _too_long(days: int, rules: CreationRules) -> str:
    if not 0 < days <= _LONGEST:
        return "invalidValidTo"
    if rules.longest is not None and days > rules.longest and not rules.caps_in_silence:
        return "patLifespanPolicyViolation"
    return ""


def _read(call: IncomingCall, owner: Person) -> Response:
    query = call.request.query
    if "authorizationid" in query:
        found = _find(call, owner, query["authorizationid"].casefold())
        return _result(found) if found else _error(call, "tokenNotFound")
    every = _made_by_api(call, owner)
    choice = query.get("displayfilteroption", "active")
    if choice != "all":
        every = [one for one in every if _is_over(one, call.world) == (choice != "active")]
    start = call.request.number("continuationtoken", 0)
    end = start + min(call.request.number("$top", 20), 100)
    more = str(end) if end < len(every) else ""
    page = {"continuationToken": more, "patTokens": [_shown(one) for one in every[start:end]]}
    return responses.success(page, _VERSION)


def _update(call: IncomingCall, owner: Person) -> Response:
    wanted = _body(call.request)
    found = _find(call, owner, wanted.get("authorizationId"))
    if found is None:
        return _error(call, "tokenNotFound")
    if _is_over(found, call.world):
        return _error(call, "expiredPatCannotBeExtended")
    changes = {
        "name": str(wanted.get("displayName") or found.name),
        "expires": _day(wanted.get("validTo")) or found.expires,
        "scopes": frozenset(str(wanted.get("scope") or " ".join(found.scopes)).split()),
    }
    call.live.change(lambda now: now.with_token(found.value, **changes))
    return _result(call.live.world.token(found.value) or found)


def _revoke(call: IncomingCall, owner: Person) -> Response:
    found = _find(call, owner, call.request.query.get("authorizationid", "").casefold())
    if found is None:
        return _error(call, "authorizationNotFound")
    if not call.organization.creation.revokes:
        return responses.refuse("not-revoked")
    call.live.change(lambda now: now.with_token(found.value, revoked=True))
    return Response(204)


def _shown(token: IssuedToken, value: str | None = None) -> dict[str, object]:
    return {
        "displayName": token.name,
        "validTo": f"{token.expires.isoformat()}T00:00:00Z",
        "scope": " ".join(sorted(token.scopes)),
        "targetAccounts": [stable_id("organization", token.reach)] if token.reach else None,
        "validFrom": "2026-01-01T00:00:00.0000000Z",
        "authorizationId": token.authorization,
        "token": value,
    }


def _result(token: IssuedToken, value: str | None = None) -> Response:
    body = {"patToken": _shown(token, value), "patTokenError": "none"}
    return responses.success(body, _VERSION)


def _error(call: IncomingCall, name: str) -> Response:
    if call.organization.creation.errors_inside:
        return responses.success({"patToken": None, "patTokenError": name}, _VERSION)
    return responses.refuse("token-error", name=name[:1].upper() + name[1:])


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _new_value() -> str:
    """A random token in the current format."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(80 - len(MARKER)))
    return f"{MARKER}{body[:-4]}AZDO{body[-4:]}"


# A stand-in for the Azure CLI: a real program whose sign-in works only in the simulation


_SCRIPT: Final = """\
import json, sys
if sys.argv[1:3] != ["account", "get-access-token"]:
    sys.exit("This az is simulated. It supports only: az account get-access-token")
print(json.dumps({answer!r}))
"""
_ENDS: Final = 4070908800  # in the year 2099


def install_azure_cli(folder: Path, sign_in: str) -> None:
    """Put an `az` that is signed in by ``sign_in`` into ``folder``, for a PATH."""
    answer = {"accessToken": sign_in, "expires_on": _ENDS, "tokenType": "Bearer"}
    (folder / "az-of-a-simulation").touch()
    script = folder / "az.py"
    script.write_text(_SCRIPT.format(answer=answer), encoding="utf-8")
    if sys.platform == "win32":
        (folder / "az.cmd").write_text(f'@"{sys.executable}" -IS "{script}" %*\n', encoding="utf-8")
        return
    program = folder / "az"
    program.write_text(
        f'#!/bin/sh\nexec {quote(sys.executable)} -IS {quote(str(script))} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o700)

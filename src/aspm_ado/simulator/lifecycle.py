"""The PAT Lifecycle API of Services: people make, list, change and revoke their tokens with a sign-in of Entra.

Shapes and names: the specification of `tokens` 7.2. What refuses a caller, and with what, is from reports of users
(facts/pats-and-pains.md part B); errors arrive as 4xx or inside a 200, so an organization here can do both.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from aspm_ado.simulator import admission, answers
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.scopes import FULL_ACCESS, OFFERED
from aspm_ado.simulator.world import Organization, SignIn, Token, World, stable_id

HOST: Final = "vssps.dev.azure.com"
LONGEST: Final = 365
_LETTERS: Final = string.ascii_letters + string.digits
_NOBODYS_TENANT: Final = "00000000-0000-0000-0000-000000000000"

Change = Callable[[Callable[[World], World]], None]


def concerns(request: Request) -> bool:
    """Whether a request is for this API, or asks its host for an organization alone."""
    rest = tuple(part.casefold() for part in request.segments[1:])
    return (
        request.host == HOST
        and bool(request.segments)
        and rest in ((), ("_apis", "tokens", "pats"))
    )


def tenant_headers(organization: Organization) -> Headers:
    """What anybody is told: the tenant, or the zero one of an organization of personal accounts."""
    return (("X-VSS-ResourceTenant", organization.tenant or _NOBODYS_TENANT),)


def answer(request: Request, world: World, challenges: Headers, change: Change) -> Answer:
    """Answer one request. `change` puts the world that a function makes in the place of the present one."""
    organization = world.organization(request.segments[0])
    if organization is None:
        return answers.unknown_organization()
    if len(request.segments) == 1:
        page = (
            answers.unknown_organization()
        )  # the host has no page there: 404, and yet the tenant (facts B3)
        return page.plus(*tenant_headers(organization))
    if admission.token_in(world, request) is not None:
        message = "The requested operation is not allowed."  # a PAT makes no PATs
        return answers.webapi_error(403, message, "InvalidAccessException")
    person = _signed_in(request, world)
    if person is None or person.tenant != organization.tenant:
        refused = answers.authentication_required(challenges)
        return (
            refused.plus(*tenant_headers(organization))
            if admission.suppresses(request)
            else answers.sign_in_page()
        )
    if not person.is_person:
        return answers.to_sign_in(organization.tenant or "")
    if person.person not in organization.members:
        return answers.not_a_member(person.person)
    handler = {"GET": _read, "POST": _create, "PUT": _update, "DELETE": _revoke}.get(request.method)
    if handler is None:
        return answers.method_not_allowed(request.method)
    decided = handler(request, world, organization, person, change)
    return replace(decided, user=f"{person.person.id}:{person.person.mail}")


def _signed_in(request: Request, world: World) -> SignIn | None:
    scheme, _, value = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return next(
        (one for one in world.sign_ins if secrets.compare_digest(one.value, value.strip())), None
    )


def _create(
    request: Request, world: World, organization: Organization, who: SignIn, change: Change
) -> Answer:
    wanted = _body(request)
    rules = organization.creation
    asked = _day(wanted.get("validTo")) or world.today + timedelta(days=30)
    scopes = frozenset(str(wanted.get("scope", "")).split())
    life = (asked - world.today).days
    error = rules.refuses
    if not error and not str(wanted.get("displayName", "")).strip():
        error = "displayNameRequired"
    if not error and (not scopes or not scopes <= OFFERED):
        error = "invalidScope"
    if not error and wanted.get("allOrgs") is not False:
        error = "globalPATCreationBlocked"
    if not error and not 0 < life <= LONGEST:
        error = "invalidValidTo"
    if not error and FULL_ACCESS in scopes and rules.forbids_full_access:
        error = "fullScopePatPolicyViolation"
    if (
        not error
        and rules.longest is not None
        and life > rules.longest
        and not rules.caps_in_silence
    ):
        error = "patLifespanPolicyViolation"
    if error:
        return _error(error, inside=rules.errors_inside)
    if rules.longest is not None:
        asked = min(asked, world.today + timedelta(days=rules.longest))
    made = Token(
        _value(),
        str(wanted["displayName"]),
        who.person,
        rules.grants if rules.grants is not None else scopes,
        organization.name,
        asked,
        authorization=stable_id("authorization", secrets.token_hex(16)),
    )
    lost = rules.loses
    if lost != "before":
        change(lambda now: replace(now, tokens=(*now.tokens, made)))
    if lost != "nothing":
        change(lambda now: _trusty(now, organization))  # the wire breaks once
        return Answer(503, is_lost=True)
    return _result(made, with_value=True)


def _trusty(world: World, organization: Organization) -> World:
    mended = replace(organization, creation=replace(organization.creation, loses="nothing"))
    return replace(
        world,
        organizations=tuple(
            mended if one.name == organization.name else one for one in world.organizations
        ),
    )


def _read(
    request: Request, world: World, organization: Organization, who: SignIn, _: Change
) -> Answer:
    mine = [one for one in world.tokens if one.owner == who.person and one.authorization]
    if "authorizationid" in request.query:
        found = _mine(request, mine)
        return (
            _result(found)
            if found
            else _error("tokenNotFound", inside=organization.creation.errors_inside)
        )
    choice = request.query.get("displayfilteroption", "active")
    shown = [
        one
        for one in mine
        if choice == "all" or (one.revoked or one.expires < world.today) == (choice != "active")
    ]
    start = int(request.query.get("continuationtoken") or 0)
    size = min(int(request.query.get("$top") or 20), 100)
    more = str(start + size) if start + size < len(shown) else ""
    page: list[object] = [_shown(one) for one in shown[start : start + size]]
    return answers.success({"continuationToken": more, "patTokens": page}, "7.1-preview.1")


def _update(
    request: Request, world: World, organization: Organization, who: SignIn, change: Change
) -> Answer:
    wanted = _body(request)
    found = next(
        (one for one in world.tokens if one.authorization == wanted.get("authorizationId")), None
    )
    if found is None or found.owner != who.person:
        return _error("tokenNotFound", inside=organization.creation.errors_inside)
    if found.revoked or found.expires < world.today:
        return _error("expiredPatCannotBeExtended", inside=organization.creation.errors_inside)
    changed = replace(
        found,
        name=str(wanted.get("displayName") or found.name),
        expires=_day(wanted.get("validTo")) or found.expires,
        scopes=frozenset(str(wanted.get("scope") or " ".join(found.scopes)).split()),
    )
    change(lambda now: _with(now, changed))
    return _result(changed)


def _revoke(
    request: Request, world: World, organization: Organization, who: SignIn, change: Change
) -> Answer:
    found = _mine(
        request, [one for one in world.tokens if one.owner == who.person and one.authorization]
    )
    if found is None:
        return _error("authorizationNotFound", inside=organization.creation.errors_inside)
    if not organization.creation.revokes:
        return answers.webapi_error(500, "The token could not be revoked.", "VssServiceException")
    change(lambda now: _with(now, replace(found, revoked=True)))
    return answers.no_content()


def _mine(request: Request, mine: list[Token]) -> Token | None:
    wanted = request.query.get("authorizationid", "").casefold()
    return next((one for one in mine if one.authorization.casefold() == wanted), None)


def _with(world: World, changed: Token) -> World:
    return replace(
        world,
        tokens=tuple(
            changed if one.authorization == changed.authorization else one for one in world.tokens
        ),
    )


def _shown(token: Token) -> dict[str, object]:
    return {
        "displayName": token.name,
        "validTo": f"{token.expires.isoformat()}T00:00:00Z",
        "scope": " ".join(sorted(token.scopes)),
        "targetAccounts": [stable_id("organization", token.reach)] if token.reach else None,
        "validFrom": "2026-01-01T00:00:00.0000000Z",
        "authorizationId": token.authorization,
        "token": None,
    }


def _result(token: Token, *, with_value: bool = False) -> Answer:
    shown = _shown(token) | ({"token": token.value} if with_value else {})
    return answers.success({"patToken": shown, "patTokenError": "none"}, "7.1-preview.1")


def _error(name: str, *, inside: bool) -> Answer:
    if inside:
        return answers.success({"patToken": None, "patTokenError": name}, "7.1-preview.1")
    return answers.webapi_error(400, name[:1].upper() + name[1:], "SessionTokenCreateException")


def _body(request: Request) -> dict[str, object]:
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


def _value() -> str:
    """A token of today's shape that nobody has seen."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(80))
    return f"{body[:76]}AZDO{body[76:]}"

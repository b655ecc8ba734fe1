"""The PAT Lifecycle API: people make, list, change and revoke tokens with a sign-in of Entra.

Shapes and names: the specification of `tokens` 7.2. What refuses a caller, and with what, is from
reports of users (facts/pats-and-pains.md part B); errors arrive as 4xx or inside a 200, so an
organization here can do both.
"""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from aspm_ado.simulator import authentication, responses
from aspm_ado.simulator.http import Headers, Request, Response
from aspm_ado.simulator.scopes import FULL_ACCESS, OFFERED
from aspm_ado.simulator.world import Creation, Organization, SignIn, State, Token, World, stable_id

_HOST: Final = "vssps.dev.azure.com"
_VERSION: Final = "7.1-preview.1"
_LONGEST: Final = 365
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True)
class _Call:
    request: Request
    world: World
    organization: Organization
    who: SignIn
    state: State

    @property
    def rules(self) -> Creation:
        return self.organization.creation

    @property
    def own_tokens(self) -> list[Token]:
        """The caller's tokens that were made by API."""
        every = self.world.tokens
        return [one for one in every if one.owner == self.who.person and one.authorization]

    def named_in_query(self) -> Token | None:
        """The caller's token of this authorization id."""
        wanted = self.request.query.get("authorizationid", "").casefold()
        found = (one for one in self.own_tokens if one.authorization.casefold() == wanted)
        return next(found, None)


def is_for(request: Request) -> bool:
    """Whether a request is for this API, or asks its host for an organization alone."""
    if request.host != _HOST or not request.segments:
        return False
    rest = tuple(part.casefold() for part in request.segments[1:])
    return rest in ((), ("_apis", "tokens", "pats"))


def respond(request: Request, world: World, challenges: Headers, state: State) -> Response:
    """Answer one request."""
    organization = world.organization(request.segments[0])
    if organization is None:
        return responses.unknown_organization()
    # What anybody is told: the tenant, or the zero one of personal accounts.
    tenant = ("X-VSS-ResourceTenant", organization.tenant or responses.NO_TENANT)
    if len(request.segments) == 1:
        # The host has no page there: 404, and yet the tenant (facts B3).
        return responses.unknown_organization().plus(tenant)
    if authentication.token_in(world, request) is not None:
        return responses.refusal("no-pat-for-pats")
    who = _signed_in(request, world)
    if who is None or who.tenant != organization.tenant:
        if authentication.suppresses(request):
            return responses.authentication_required(challenges).plus(tenant)
        return responses.sign_in_page()
    if not who.is_person:
        return responses.to_sign_in(organization.tenant)
    if who.person not in organization.members:
        return responses.not_a_member(who.person)
    handlers = {"GET": _read, "POST": _create, "PUT": _update, "DELETE": _revoke}
    if request.method not in handlers:
        return responses.method_not_allowed(request.method)
    response = handlers[request.method](_Call(request, world, organization, who, state))
    return replace(response, user=f"{who.person.id}:{who.person.mail}")


def _signed_in(request: Request, world: World) -> SignIn | None:
    scheme, _, value = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    for one in world.sign_ins:
        if secrets.compare_digest(one.value, value.strip()):
            return one
    return None


def _create(call: _Call) -> Response:
    wanted, today, rules = _body(call.request), call.world.today, call.rules
    expires = _day(wanted.get("validTo")) or today + timedelta(days=30)
    scopes = frozenset(str(wanted.get("scope", "")).split())
    refused = _refused(wanted, scopes, (expires - today).days, rules)
    if refused:
        return _error(refused, rules)
    if rules.longest is not None:
        expires = min(expires, today + timedelta(days=rules.longest))
    made = Token(
        _new_value(),
        str(wanted["displayName"]),
        call.who.person,
        rules.grants if rules.grants is not None else scopes,
        call.organization.name,
        expires,
        authorization=stable_id("authorization", secrets.token_hex(16)),
    )
    if rules.loses != "before":
        call.state.change(lambda now: replace(now, tokens=(*now.tokens, made)))
    if rules.loses != "nothing":
        call.state.change(lambda now: _mended(now, call.organization))  # it breaks once
        return Response(503, is_lost=True)
    return _result(made, with_value=True)


def _refused(wanted: dict[str, object], scopes: frozenset[str], days: int, rules: Creation) -> str:
    """The `patTokenError` of what was asked for; empty if there is none."""
    if rules.refuses:
        return rules.refuses
    if not str(wanted.get("displayName", "")).strip():
        return "displayNameRequired"
    if not scopes or not scopes <= OFFERED:
        return "invalidScope"
    if wanted.get("allOrgs") is not False:
        return "globalPATCreationBlocked"
    if not 0 < days <= _LONGEST:
        return "invalidValidTo"
    if FULL_ACCESS in scopes and rules.forbids_full_access:
        return "fullScopePatPolicyViolation"
    if rules.longest is not None and days > rules.longest and not rules.caps_in_silence:
        return "patLifespanPolicyViolation"
    return ""


def _mended(world: World, organization: Organization) -> World:
    mended = replace(organization, creation=replace(organization.creation, loses="nothing"))
    every = (mended if one.name == mended.name else one for one in world.organizations)
    return replace(world, organizations=tuple(every))


def _read(call: _Call) -> Response:
    query = call.request.query
    if "authorizationid" in query:
        found = call.named_in_query()
        return _result(found) if found else _error("tokenNotFound", call.rules)
    choice = query.get("displayfilteroption", "active")
    shown = []
    for one in call.own_tokens:
        is_over = one.revoked or one.expires < call.world.today
        if choice == "all" or is_over == (choice != "active"):
            shown.append(one)
    start = int(query.get("continuationtoken") or 0)
    end = start + min(int(query.get("$top") or 20), 100)
    page: list[object] = [_shown(one) for one in shown[start:end]]
    more = str(end) if end < len(shown) else ""
    return responses.success({"continuationToken": more, "patTokens": page}, _VERSION)


def _update(call: _Call) -> Response:
    wanted = _body(call.request)
    identifier = wanted.get("authorizationId")
    found = next((one for one in call.own_tokens if one.authorization == identifier), None)
    if found is None:
        return _error("tokenNotFound", call.rules)
    if found.revoked or found.expires < call.world.today:
        return _error("expiredPatCannotBeExtended", call.rules)
    changed = replace(
        found,
        name=str(wanted.get("displayName") or found.name),
        expires=_day(wanted.get("validTo")) or found.expires,
        scopes=frozenset(str(wanted.get("scope") or " ".join(found.scopes)).split()),
    )
    call.state.change(lambda now: now.with_token(changed))
    return _result(changed)


def _revoke(call: _Call) -> Response:
    found = call.named_in_query()
    if found is None:
        return _error("authorizationNotFound", call.rules)
    if not call.rules.revokes:
        return responses.refusal("not-revoked")
    call.state.change(lambda now: now.with_token(replace(found, revoked=True)))
    return responses.no_content()


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


def _result(token: Token, *, with_value: bool = False) -> Response:
    shown = _shown(token)
    if with_value:
        shown["token"] = token.value
    return responses.success({"patToken": shown, "patTokenError": "none"}, _VERSION)


def _error(name: str, rules: Creation) -> Response:
    if rules.errors_inside:
        return responses.success({"patToken": None, "patTokenError": name}, _VERSION)
    return responses.refusal("token-error", name=name[:1].upper() + name[1:])


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


def _new_value() -> str:
    """A token of today's shape that nobody has seen."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(80))
    return f"{body[:76]}AZDO{body[76:]}"

"""Decides who is calling: finds the token in the request and says whether it opens this organization."""

from __future__ import annotations

import base64
import binascii

from aspm_ado.simulator import answers
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.routes import Caller
from aspm_ado.simulator.world import Organization, Token, World

STRANGER = Caller(None, None)


def credentials(request: Request) -> tuple[str, str] | None:
    """Return user and password of Basic authentication. Base64 must be canonical (facts §5); Bearer is refused."""
    scheme, _, encoded = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
        if base64.b64encode(raw).decode() != encoded.strip():
            return None
        user, separator, password = raw.decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if separator else None


def token_in(world: World, request: Request) -> Token | None:
    """Return the living token of the request; the user name does not matter (§5)."""
    found = credentials(request)
    token = world.token(found[1]) if found else None
    return None if token is None or token.revoked else token


def has_expired(world: World, token: Token) -> bool:
    """Whether the token's last day is over."""
    return world.today > token.expires


def has_retired(world: World, token: Token) -> bool:
    """Whether this is a token of all organizations after the day they stop on Services (§0)."""
    return (
        token.reach is None
        and world.global_tokens_end is not None
        and world.today >= world.global_tokens_end
    )


def admit(
    world: World, organization: Organization, request: Request, challenges: Headers
) -> Caller | Answer:
    """Let the caller into an organization of Services, or say what the real service says (§4)."""
    token = token_in(world, request)
    if (
        token is None
        or (token.reach or organization.name).casefold() != organization.name.casefold()
    ):
        if organization.has_public_projects:
            return STRANGER  # the anonymous trap: 200, but as nobody (§2)
        return unauthenticated(request, challenges)
    if has_expired(world, token):
        masked = not suppresses(request) and request.method in (
            "GET",
            "POST",
        )  # §4: "may be masked"
        return answers.sign_in_page() if masked else answers.expired(challenges)
    if has_retired(world, token):
        # [unconfirmed] §0: "expect a bare 401".
        return answers.scope_missing(challenges)
    if token.owner not in organization.members:
        refused = answers.not_a_member(token.owner)
        return (
            named(refused, token, on_server=False)
            if suppresses(request)
            else answers.to_sign_in(token.owner.tenant or "")
        )
    if organization.blocks_global_tokens and token.reach is None:
        # [unconfirmed] §4: "likely bare 401 in that org while app.vssps is 200".
        return answers.scope_missing(challenges)
    if organization.throttled:
        return named(answers.throttled(), token, on_server=False)
    if organization.fenced:
        return named(answers.fenced(), token, on_server=False)
    return Caller(token.owner, token)


def unauthenticated(request: Request, challenges: Headers) -> Answer:
    """Refuse a dead or foreign token: 401 when redirects are suppressed, else the sign-in page or 401 (§4)."""
    if suppresses(request) or request.method not in ("GET", "POST"):
        return answers.authentication_required(challenges)
    return answers.sign_in_page()


def suppresses(request: Request) -> bool:
    """Whether the client asked for plain statuses instead of sign-in redirects."""
    return (request.header("X-TFS-FedAuthRedirect") or "").lower() == "suppress"


def named(answer: Answer, token: Token, *, on_server: bool) -> Answer:
    """Attach the caller to an answer, for X-VSS-UserData."""
    owner = token.owner
    account = (owner.login or owner.name) if on_server else owner.mail
    return Answer(
        answer.status, answer.body, answer.headers, answer.names_user, f"{owner.id}:{account}"
    )

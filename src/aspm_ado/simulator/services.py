"""Azure DevOps Services: which host answers what, for which organization, and what stands above them all."""

from __future__ import annotations

from collections.abc import Callable

from aspm_ado.simulator import admission, answers, git, lifecycle, stamps
from aspm_ado.simulator.exchange import Answer, Headers, Request
from aspm_ado.simulator.operations import OPERATIONS
from aspm_ado.simulator.routes import Area, Caller, Place, dispatch
from aspm_ado.simulator.world import Organization, World

_LEGACY = ".visualstudio.com"
_AREAS = {area.value: area for area in Area}
# The realm of a scope refusal is another host than the one asked (facts/reliability.md D.3).
_REALMS = {
    Area.CORE: "https://tfsprodsim1.app.visualstudio.com/",
    Area.IDENTITY: "https://spsprodsim1.vssps.visualstudio.com/",
    Area.ENTITLEMENT: "https://aexprodsim1.vsaex.visualstudio.com/",
    Area.ACCOUNT: "https://spsprodsim1.vssps.visualstudio.com/",
}


def serves(host: str) -> bool:
    """Whether this host belongs to Azure DevOps Services."""
    return host in _AREAS or host.endswith(_LEGACY)


def answer(
    request: Request, world: World, note_change: Callable[[str], None], change: lifecycle.Change
) -> Answer:
    """Answer one request to any host of Services."""
    if lifecycle.concerns(request):
        decided = lifecycle.answer(request, world, _challenges(Area.IDENTITY), change)
        return decided if decided.is_lost else stamps.services(decided, request, world.moment)
    return stamps.services(_decide(request, world, note_change), request, world.moment)


def _decide(request: Request, world: World, note_change: Callable[[str], None]) -> Answer:
    area = _AREAS.get(request.host, Area.CORE)
    if area is Area.ACCOUNT:
        return _above_organizations(request, world, note_change)
    legacy = request.host not in _AREAS
    rest = request.segments
    name = request.host.removesuffix(_LEGACY) if legacy else (rest[0] if rest else "")
    rest = rest if legacy else rest[1:]
    organization = world.organization(name)
    if organization is None:
        # "https://dev.azure.com/_apis/..." is no surface either: the first segment is the organization (§2).
        return answers.unknown_organization()
    if organization.deactivated:
        return answers.deactivated(organization)
    challenges = _challenges(area)
    url = f"https://{request.host}" if legacy else f"https://{request.host}/{organization.name}"
    place = Place(organization, url, frozenset({area}), challenges)
    target = git.target_of(rest) if area is Area.CORE else None
    if target is None and "_apis" not in (part.casefold() for part in rest):
        return answers.to_sign_in(
            organization.tenant or ""
        )  # a web page; nobody is signed in to those
    caller = admission.admit(world, organization, request, challenges)
    if isinstance(caller, Answer):
        return _with_all_challenges(caller)
    if target is not None:
        decided = git.advertise(target, request, world, place, caller)
    else:
        decided = dispatch(
            OPERATIONS,
            request,
            rest,
            world=world,
            place=place,
            caller=caller,
            note_change=note_change,
        )
    if caller.token is None:
        # A stranger sees nothing of the refusals that name a scope; what is not public asks to sign in.
        if decided.status == 401:
            return _with_all_challenges(admission.unauthenticated(request, challenges))
        return decided
    return admission.named(decided, caller.token, on_server=False)


def _challenges(area: Area) -> Headers:
    return (("WWW-Authenticate", f'Basic realm="{_REALMS[area]}"'),)


def _with_all_challenges(refused: Answer) -> Answer:
    """Add Bearer and TFS-Federated to a refusal with a body; the bare 401 has Basic only (§3a, §4)."""
    if (
        refused.status != 401
        or not refused.body
        or any(v == "TFS-Federated" for _, v in refused.headers)
    ):
        return refused
    bearer = "Bearer authorization_uri=https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000"
    return refused.plus(("WWW-Authenticate", bearer), ("WWW-Authenticate", "TFS-Federated"))


def _above_organizations(
    request: Request, world: World, note_change: Callable[[str], None]
) -> Answer:
    challenges = _challenges(Area.ACCOUNT)
    token = admission.token_in(world, request)
    if token is None or token.reach is not None:
        # §2: a token of one organization is a stranger here: 401, or a redirect without Suppress.
        if admission.suppresses(request) or request.method != "GET":
            return _with_all_challenges(answers.authentication_required(challenges))
        return answers.to_sign_in("")
    if admission.has_expired(world, token):
        return _with_all_challenges(answers.expired(challenges))
    if admission.has_retired(world, token):
        return answers.scope_missing(challenges)
    place = Place(
        Organization("app"), f"https://{request.host}", frozenset({Area.ACCOUNT}), challenges
    )
    decided = dispatch(
        OPERATIONS,
        request,
        request.segments,
        world=world,
        place=place,
        caller=Caller(token.owner, token),
        note_change=note_change,
    )
    return admission.named(decided, token, on_server=False)

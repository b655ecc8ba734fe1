"""The situations that the demo plays and the tests check: a world, answers, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from aspm_ado.simulator import samples
from aspm_ado.simulator.scopes import FULL_ACCESS
from aspm_ado.simulator.world import Aspm, Instance, Organization, Server, SignIn, Token, World

_TODAY = date(2026, 10, 15)  # more than 30 days before the retirement of global tokens

PROFILE: Final = str(Path(__file__).with_name("registration_profile.json"))
"""How instances are registered at the simulated ASPM. It is of no use anywhere else."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a user would give to `aspm-ado connect` in this scenario."""

    organizations: tuple[str, ...] = ()
    server_url: str | None = None
    collections: tuple[str, ...] = ()
    purpose: Literal["alm", "alm+issue-manager", "issue-manager"] = "alm"
    reach: Literal["auto", "all", "organization"] = "auto"
    tokens: tuple[tuple[str | None, str], ...] = ()  # organization, or None for all; token
    clone_username: str | None = None
    expires: date | None = None
    aspm_url: str = f"https://{samples.ASPM_HOST}"
    aspm_token: str = samples.ASPM_TOKEN
    register: Literal["guided", "api"] = "guided"
    profile: str | None = None  # the path of a registration profile
    by_az: bool = False  # the token is created by API, for whoever is signed in with `az`


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation. `reasons` are exactly those of the required checks that fail."""

    name: str
    summary: str
    world: World
    answers: Answers
    exit_code: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def today(self) -> date:
        """The day that this scenario is pinned to."""
        return self.world.today


def _services(
    organizations: tuple[Organization, ...], *tokens: Token, aspm: Aspm | None = None
) -> World:
    return World(_TODAY, organizations, tokens, aspm=aspm or samples.aspm())


def _on_contoso(token: Token, aspm: Aspm | None = None) -> World:
    return _services((samples.CONTOSO, samples.FABRIKAM), token, aspm=aspm)


def _on_server(server: Server, token: Token) -> World:
    return World(_TODAY, (), (token,), server, samples.aspm())


def _answers(token: Token, *organizations: str) -> Answers:
    """The answers of whoever pastes this token."""
    everywhere = ((None, token.value),)
    return Answers(organizations or ("contoso",), tokens=everywhere, expires=token.expires)


def _on_server_answers(server: Server, token: Token) -> Answers:
    collections = tuple(one.name for one in server.collections)
    given = replace(_answers(token), organizations=(), server_url=server.url)
    return replace(given, collections=collections)


def _by_profile(token: Token) -> Answers:
    return replace(_answers(token), register="api", profile=PROFILE)


_READY = samples.token(samples.pat("Ready", "Rdy1"))
_NARROW = samples.token(samples.pat("MissingScope", "Mis1"), scopes=samples.CODE_READ_ONLY)
_ONE = samples.token(samples.pat("OrganizationOnly", "One1"), reach="Contoso")
_RETIRED = samples.token(samples.pat("GlobalAfterRetirement", "Ret1"))
_EXPIRED = samples.token(samples.pat("Expired", "Exp1"), expires=date(2026, 9, 30))
_GARBAGE = samples.token(samples.pat("Garbage", "Grb1"))  # no world knows it
_OUTSIDE = samples.token(samples.pat("NotAMember", "Out1"))
_IDLE = samples.token(samples.pat("DeactivatedOrganization", "Off1"))
_NAMED = samples.token(samples.pat("UsernameNeeded", "Usr1"))
_BROAD = samples.token(samples.pat("IssueManager", "Ful1"), scopes=frozenset({FULL_ACCESS}))
_FIRST = samples.token(samples.pat("TwoOrganizationsContoso", "Con1"), reach="Contoso")
_SECOND = samples.token(samples.pat("TwoOrganizationsFabrikam", "Fab1"), reach="Fabrikam")
_WIDE = samples.token(samples.pat("Server", "Srv1"), home="server")
_OLD = samples.token(samples.legacy_pat("server", "old2"), home="server")
_CORE = samples.token(samples.pat("AspmCore", "Cor1"))
_UNKNOWN_THERE = samples.token(samples.pat("AspmWrongToken", "Wrg1"))
_NO_RIGHTS = samples.token(samples.pat("AspmForbidden", "Fbd1"))
_PAGE = samples.token(samples.pat("AspmIsAWebPage", "Web1"))
_BY_API = samples.token(samples.pat("RegisterApi", "Reg1"))
_LOST = samples.token(samples.pat("RegisterApiLostAnswer", "Los1"))
_TAKEN = samples.token(samples.pat("RegisterApiConflict", "Cnf1"))
_BEFORE = samples.token(samples.pat("BeforeCreated", "Bfr1"))
_WRONG = "simulated-aspm-token-9999"
_SIGNED_IN = SignIn("simulated-sign-in-of-entra-0001", samples.ADA, samples.TENANT)
_SOMEBODYS = Instance("made by hand", "azurecloud", "https://dev.azure.com/Contoso")

_ALL = (
    Scenario(
        "ready",
        "A token of all organizations with every scope that is needed.",
        _on_contoso(_READY),
        _answers(_READY),
    ),
    Scenario(
        "missing-scope",
        "The token may only read code; editing it on the token page repairs that.",
        _on_contoso(_NARROW),
        _answers(_NARROW),
        3,
        ("code-scope-missing",),
    ),
    Scenario(
        "organization-only",
        "The token was created for one organization, while Invicti's guide asks for all.",
        _on_contoso(_ONE),
        _answers(_ONE),
        3,
        ("reach-organization-only",),
    ),
    Scenario(
        "global-after-retirement",
        "It is the day after Microsoft stopped all tokens of all organizations.",
        replace(_on_contoso(_RETIRED), today=date(2026, 12, 2)),
        _answers(_RETIRED),
        4,
        ("token-rejected",),
    ),
    Scenario(
        "expired",
        "The token's last day is over.",
        _on_contoso(_EXPIRED),
        replace(_answers(_EXPIRED), expires=None),
        4,
        ("token-expired",),
    ),
    Scenario(
        "anonymous-trap",
        "A mistyped token, in an organization that answers strangers because of a public project.",
        _services((samples.OPEN_CONTOSO,)),
        replace(_answers(_GARBAGE, "opencontoso"), expires=None),
        4,
        ("token-anonymous",),
    ),
    Scenario(
        "not-a-member",
        "A good token of somebody who has no access to this organization.",
        _services((samples.CONTOSO, replace(samples.FABRIKAM, members=(samples.GRACE,))), _OUTSIDE),
        _answers(_OUTSIDE, "fabrikam"),
        3,
        ("not-a-member",),
    ),
    Scenario(
        "deactivated-organization",
        "The organization was switched off.",
        _services((replace(samples.CONTOSO, deactivated=True), samples.FABRIKAM), _IDLE),
        _answers(_IDLE),
        3,
        ("organization-deactivated",),
    ),
    Scenario(
        "username-needed",
        "Cloning works with a user name beside the token only.",
        _services((samples.NAMED_CONTOSO,), _NAMED),
        replace(_answers(_NAMED), clone_username="aspm-scanner"),
    ),
    Scenario(
        "issue-manager",
        "The connection also files issues, with a token of full access, "
        "on an ASPM of the core dialect.",
        _on_contoso(_BROAD, samples.aspm(core=True)),
        replace(_answers(_BROAD), purpose="alm+issue-manager"),
    ),
    Scenario(
        "two-organizations-two-tokens",
        "Two organizations, each with a token of its own: "
        "how it is done once global tokens are gone.",
        _services(
            (samples.CONTOSO, samples.FABRIKAM), _FIRST, _SECOND, aspm=samples.aspm("azurecloud")
        ),
        Answers(
            ("contoso", "fabrikam"),
            reach="organization",
            tokens=(("contoso", _FIRST.value), ("fabrikam", _SECOND.value)),
            expires=_FIRST.expires,
        ),
    ),
    Scenario(
        "created-token",
        "Nobody copies a token: the Azure CLI is signed in, "
        "and the token of one organization is created after a yes.",
        replace(_on_contoso(_BEFORE), sign_ins=(_SIGNED_IN,)),
        Answers(("contoso",), reach="organization", by_az=True),
    ),
    Scenario(
        "server",
        "Azure DevOps Server 2022 with two collections and a token of all collections.",
        _on_server(samples.TFS, _WIDE),
        _on_server_answers(samples.TFS, _WIDE),
    ),
    Scenario(
        "server-2019",
        "Azure DevOps Server 2019: an old token shape, API 5.0, "
        "and fewer things that can be shown.",
        _on_server(samples.TFS_2019, _OLD),
        _on_server_answers(samples.TFS_2019, _OLD),
    ),
    Scenario(
        "aspm-core",
        "The ASPM is an AppSec Core: its API stands elsewhere, "
        "and its token goes into another header.",
        _on_contoso(_CORE, samples.aspm(core=True)),
        _answers(_CORE),
    ),
    Scenario(
        "aspm-wrong-token",
        "Azure DevOps takes its token, but Invicti ASPM does not accept its own: "
        "nothing is handed over.",
        _on_contoso(_UNKNOWN_THERE),
        replace(_answers(_UNKNOWN_THERE), aspm_token=_WRONG),
        4,
        ("aspm-token-rejected",),
    ),
    Scenario(
        "aspm-forbidden",
        "Invicti ASPM accepts its token, whose owner has no rights to projects.",
        _on_contoso(_NO_RIGHTS, replace(samples.aspm(), token_sees_projects=False)),
        _answers(_NO_RIGHTS),
        6,
        ("aspm-forbidden",),
    ),
    Scenario(
        "aspm-is-a-web-page",
        "Some web page answers at the address that was given for Invicti ASPM.",
        _on_contoso(_PAGE, replace(samples.aspm(), state="page")),
        _answers(_PAGE),
        6,
        ("aspm-not-an-api",),
    ),
    Scenario(
        "register-api",
        "A registration profile registers the organization.",
        _on_contoso(_BY_API, replace(samples.aspm(), registers="yes")),
        _by_profile(_BY_API),
    ),
    Scenario(
        "register-api-lost-answer",
        "Invicti ASPM registers, and the connection breaks before it can say so: "
        "it is looked for, not sent again.",
        _on_contoso(_LOST, replace(samples.aspm(), registers="answer-lost")),
        _by_profile(_LOST),
    ),
    Scenario(
        "register-api-conflict",
        "Somebody has connected the organization by hand before: "
        "that instance is neither taken over nor doubled.",
        _on_contoso(
            _TAKEN,
            replace(samples.aspm("azurecloud"), registers="yes", instances=(_SOMEBODYS,)),
        ),
        _by_profile(_TAKEN),
        6,
        ("registration-conflict",),
    ),
)
SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {scenario.name: scenario for scenario in _ALL}
)

"""The situations that the demo plays and the tests check, as data: a world, what a user answers, how it must end."""

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

_TODAY = date(
    2026, 10, 15
)  # before the retirement of global tokens, and more than 30 days before it


@dataclass(frozen=True, slots=True)
class Answers:
    """What a user would give to `aspm-ado connect` in this scenario."""

    organizations: tuple[str, ...] = ()
    server_url: str | None = None
    collections: tuple[str, ...] = ()
    purpose: Literal["alm", "alm+issue-manager", "issue-manager"] = "alm"
    reach: Literal["auto", "all", "organization"] = "auto"
    tokens: tuple[
        tuple[str | None, str], ...
    ] = ()  # (organization, or None for all of them; token)
    clone_username: str | None = None
    expires: date | None = None
    aspm_url: str = f"https://{samples.ASPM_HOST}"
    aspm_token: str = samples.ASPM_TOKEN
    register: Literal["guided", "api"] = "guided"
    profile: str | None = None  # the path of a registration profile
    by_az: bool = (
        False  # the token is created by the PAT Lifecycle API, for whoever is signed in with `az`
    )


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


def _on_contoso(token: Token) -> World:
    return _services((samples.CONTOSO, samples.FABRIKAM), token)


def _server(server: Server, token: Token) -> World:
    return World(_TODAY, (), (token,), server, samples.aspm())


PROFILE: Final = str(Path(__file__).with_name("registration_profile.json"))
"""How instances are registered at the simulated ASPM. It is of no use anywhere else."""


def _to_register(token: Token, **aspm: object) -> tuple[World, Answers]:
    """A world whose ASPM has an endpoint to register at, and the answers that use it."""
    world = _services(
        (samples.CONTOSO, samples.FABRIKAM), token, aspm=replace(samples.aspm(), **aspm)
    )  # type: ignore[arg-type]
    given = Answers(
        ("contoso",),
        tokens=((None, token.value),),
        expires=token.expires,
        register="api",
        profile=PROFILE,
    )
    return world, given


_READY = samples.token(samples.pat("Ready", "Rdy1"))
_NARROW = samples.token(
    samples.pat("MissingScope", "Mis1"),
    scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"},
)
_ONE = samples.token(samples.pat("OrganizationOnly", "One1"), reach="Contoso")
_RETIRED = samples.token(samples.pat("GlobalAfterRetirement", "Ret1"))
_EXPIRED = samples.token(samples.pat("Expired", "Exp1"), expires=date(2026, 9, 30))
_GARBAGE = samples.pat("Garbage", "Grb1")  # no world knows it
_OUTSIDE = samples.token(samples.pat("NotAMember", "Out1"))
_IDLE = samples.token(samples.pat("DeactivatedOrganization", "Off1"))
_NAMED = samples.token(samples.pat("UsernameNeeded", "Usr1"))
_BROAD = samples.token(samples.pat("IssueManager", "Ful1"), scopes=frozenset({FULL_ACCESS}))
_FIRST = samples.token(samples.pat("TwoOrganizationsContoso", "Con1"), reach="Contoso")
_SECOND = samples.token(samples.pat("TwoOrganizationsFabrikam", "Fab1"), reach="Fabrikam")
_WIDE = samples.token(samples.pat("Server", "Srv1"))
_OLD = samples.token(samples.legacy_pat("server", "old2"))
_CORE = samples.token(samples.pat("AspmCore", "Cor1"))
_UNKNOWN_THERE = samples.token(samples.pat("AspmWrongToken", "Wrg1"))
_NO_RIGHTS = samples.token(samples.pat("AspmForbidden", "Fbd1"))
_PAGE = samples.token(samples.pat("AspmIsAWebPage", "Web1"))
_BY_API = samples.token(samples.pat("RegisterApi", "Reg1"))
_LOST = samples.token(samples.pat("RegisterApiLostAnswer", "Los1"))
_TAKEN = samples.token(samples.pat("RegisterApiConflict", "Cnf1"))
_BEFORE = samples.token(samples.pat("BeforeCreated", "Bfr1"))
_SIGNED_IN = SignIn("simulated-sign-in-of-entra-0001", samples.ADA, samples.TENANT)
_SOMEBODYS = Instance("made by hand", "azurecloud", "https://dev.azure.com/Contoso")

_ALL = (
    Scenario(
        "ready",
        "A token of all organizations with every scope that is needed.",
        _on_contoso(_READY),
        Answers(("contoso",), tokens=((None, _READY.value),), expires=_READY.expires),
    ),
    Scenario(
        "missing-scope",
        "The token may only read code; editing it on the token page repairs that.",
        _on_contoso(_NARROW),
        Answers(("contoso",), tokens=((None, _NARROW.value),), expires=_NARROW.expires),
        3,
        ("code-scope-missing",),
    ),
    Scenario(
        "organization-only",
        "The token was created for one organization, while Invicti's guide asks for all.",
        _on_contoso(_ONE),
        Answers(("contoso",), tokens=((None, _ONE.value),), expires=_ONE.expires),
        3,
        ("reach-organization-only",),
    ),
    Scenario(
        "global-after-retirement",
        "It is the day after Microsoft stopped all tokens of all organizations.",
        replace(_on_contoso(_RETIRED), today=date(2026, 12, 2)),
        Answers(("contoso",), tokens=((None, _RETIRED.value),), expires=_RETIRED.expires),
        4,
        ("token-rejected",),
    ),
    Scenario(
        "expired",
        "The token's last day is over.",
        _on_contoso(_EXPIRED),
        Answers(("contoso",), tokens=((None, _EXPIRED.value),)),
        4,
        ("token-expired",),
    ),
    Scenario(
        "anonymous-trap",
        "A mistyped token, in an organization that answers strangers because of a public project.",
        _services((samples.OPEN_CONTOSO,)),
        Answers(("opencontoso",), tokens=((None, _GARBAGE),)),
        4,
        ("token-anonymous",),
    ),
    Scenario(
        "not-a-member",
        "A good token of somebody who has no access to this organization.",
        _services((samples.CONTOSO, replace(samples.FABRIKAM, members=(samples.GRACE,))), _OUTSIDE),
        Answers(("fabrikam",), tokens=((None, _OUTSIDE.value),), expires=_OUTSIDE.expires),
        3,
        ("not-a-member",),
    ),
    Scenario(
        "deactivated-organization",
        "The organization was switched off.",
        _services((replace(samples.CONTOSO, deactivated=True), samples.FABRIKAM), _IDLE),
        Answers(("contoso",), tokens=((None, _IDLE.value),), expires=_IDLE.expires),
        3,
        ("organization-deactivated",),
    ),
    Scenario(
        "username-needed",
        "Cloning works with a user name beside the token only.",
        _services((samples.NAMED_CONTOSO,), _NAMED),
        Answers(
            ("contoso",),
            tokens=((None, _NAMED.value),),
            clone_username="aspm-scanner",
            expires=_NAMED.expires,
        ),
    ),
    Scenario(
        "issue-manager",
        "The connection also files issues, with a token of full access, on an ASPM of the core dialect.",
        replace(_on_contoso(_BROAD), aspm=samples.aspm(core=True)),
        Answers(
            ("contoso",),
            purpose="alm+issue-manager",
            tokens=((None, _BROAD.value),),
            expires=_BROAD.expires,
        ),
    ),
    Scenario(
        "two-organizations-two-tokens",
        "Two organizations, each with a token of its own: how it is done once global tokens are gone.",
        replace(
            _services((samples.CONTOSO, samples.FABRIKAM), _FIRST, _SECOND),
            aspm=samples.aspm("azurecloud"),
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
        "Nobody copies a token: the Azure CLI is signed in, and the token of one organization is created after a yes.",
        replace(_on_contoso(_BEFORE), sign_ins=(_SIGNED_IN,)),
        Answers(("contoso",), reach="organization", by_az=True),
    ),
    Scenario(
        "server",
        "Azure DevOps Server 2022 with two collections and a token of all collections.",
        _server(samples.TFS, _WIDE),
        Answers(
            server_url=samples.TFS.url,
            collections=("DefaultCollection", "Engineering"),
            tokens=((None, _WIDE.value),),
            expires=_WIDE.expires,
        ),
    ),
    Scenario(
        "server-2019",
        "Azure DevOps Server 2019: an old token shape, API 5.0, and fewer things that can be shown.",
        _server(samples.TFS_2019, _OLD),
        Answers(
            server_url=samples.TFS_2019.url,
            collections=("DefaultCollection",),
            tokens=((None, _OLD.value),),
            expires=_OLD.expires,
        ),
    ),
    Scenario(
        "aspm-core",
        "The ASPM is an AppSec Core: its API stands elsewhere, and its token goes into another header.",
        replace(_on_contoso(_CORE), aspm=samples.aspm(core=True)),
        Answers(("contoso",), tokens=((None, _CORE.value),), expires=_CORE.expires),
    ),
    Scenario(
        "aspm-wrong-token",
        "Azure DevOps takes its token, but Invicti ASPM does not accept its own: nothing is handed over.",
        _on_contoso(_UNKNOWN_THERE),
        Answers(
            ("contoso",),
            tokens=((None, _UNKNOWN_THERE.value),),
            expires=_UNKNOWN_THERE.expires,
            aspm_token="simulated-aspm-token-9999",  # noqa: S106 (opens nothing)
        ),
        4,
        ("aspm-token-rejected",),
    ),
    Scenario(
        "aspm-forbidden",
        "Invicti ASPM accepts its token, whose owner has no rights to projects.",
        replace(_on_contoso(_NO_RIGHTS), aspm=replace(samples.aspm(), token_sees_projects=False)),
        Answers(("contoso",), tokens=((None, _NO_RIGHTS.value),), expires=_NO_RIGHTS.expires),
        6,
        ("aspm-forbidden",),
    ),
    Scenario(
        "aspm-is-a-web-page",
        "Some web page answers at the address that was given for Invicti ASPM.",
        replace(_on_contoso(_PAGE), aspm=replace(samples.aspm(), is_a_web_page=True)),
        Answers(("contoso",), tokens=((None, _PAGE.value),), expires=_PAGE.expires),
        6,
        ("aspm-not-an-api",),
    ),
    Scenario(
        "register-api",
        "A registration profile registers the organization.",
        *_to_register(_BY_API, registers="yes"),
    ),
    Scenario(
        "register-api-lost-answer",
        "Invicti ASPM registers, and the connection breaks before it can say so: it is looked for, not sent again.",
        *_to_register(_LOST, registers="answer-lost"),
    ),
    Scenario(
        "register-api-conflict",
        "Somebody has connected the organization by hand before: that instance is neither taken over nor doubled.",
        *_to_register(_TAKEN, registers="yes", instances=(_SOMEBODYS,), alm_tools=("azurecloud",)),
        6,
        ("registration-conflict",),
    ),
)
SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {scenario.name: scenario for scenario in _ALL}
)

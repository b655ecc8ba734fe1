"""The situations that the demo plays and the tests check: a world, answers, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from aspm_ado.simulator import samples
from aspm_ado.simulator.scopes import FULL_ACCESS
from aspm_ado.simulator.world import Instance, IssuedToken, Server, SignIn, World

_TODAY = date(2026, 10, 15)  # more than 30 days before the retirement of global tokens
_AFTER = date(2027, 1, 15)

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


def _pat(label: str, last4: str, **changes: Any) -> IssuedToken:
    return samples.token(samples.pat(label, last4), **changes)


def _case(
    name: str,
    summary: str,
    token: IssuedToken,
    exit_code: int = 0,
    reason: str = "",
    *,
    world: Mapping[str, Any] = MappingProxyType({}),
    **answers: Any,
) -> Scenario:
    """Somebody pastes this token for Contoso; ``world`` and ``answers`` say what is otherwise."""
    parts = {
        "today": _TODAY,
        "organizations": (samples.CONTOSO, samples.FABRIKAM),
        "tokens": (token,),
        "aspm": samples.aspm(),
        **world,
    }
    given = {
        "organizations": ("contoso",),
        "tokens": ((None, token.value),),
        "expires": token.expires,
        **answers,
    }
    reasons = (reason,) if reason else ()
    return Scenario(name, summary, World(**parts), Answers(**given), exit_code, reasons)


def _on_server(name: str, summary: str, server: Server, token: IssuedToken) -> Scenario:
    return _case(
        name,
        summary,
        token,
        world={"organizations": (), "server": server},
        organizations=(),
        server_url=server.url,
        collections=tuple(one.name for one in server.collections),
    )


_GARBAGE = _pat("Garbage", "Grb1")  # no world knows it
_FIRST = _pat("FirstOfTwo", "Con1", reach="Contoso")
_SECOND = _pat("SecondOfTwo", "Fab1", reach="Fabrikam")
_SIGNED_IN = SignIn("simulated-sign-in-of-entra-0001", samples.ADA, samples.TENANT)
_UNKNOWN = "simulated-aspm-token-9999"
_SOMEBODYS = Instance("made by hand", "azurecloud", "https://dev.azure.com/Contoso")
_LOCKED_FABRIKAM = replace(samples.FABRIKAM, members=(samples.GRACE,))

_ALL = (
    _case(
        "ready",
        "A token of one organization with every scope that is needed.",
        _pat("OneOfContoso", "Own1", reach="Contoso", expires=date(2027, 7, 14)),
        world={"today": _AFTER},
    ),
    _case(
        "global",
        "Before their retirement: a token of all organizations with every scope.",
        _pat("Ready", "Rdy1"),
    ),
    _case(
        "missing-scope",
        "The token may only read code; editing it on the token page repairs that.",
        _pat("MissingScope", "Mis1", scopes=samples.CODE_READ_ONLY),
        3,
        "code-scope-missing",
    ),
    _case(
        "organization-only",
        "The token was created for one organization, while Invicti's guide asks for all.",
        _pat("OneOnly", "One1", reach="Contoso"),
        3,
        "reach-organization-only",
    ),
    _case(
        "global-after-retirement",
        "It is the day after Microsoft stopped all tokens of all organizations.",
        _pat("GlobalAfterRetirement", "Ret1"),
        4,
        "token-rejected",
        world={"today": date(2026, 12, 2)},
    ),
    _case(
        "expired",
        "The token's last day is over.",
        _pat("Expired", "Exp1", expires=date(2026, 9, 30)),
        4,
        "token-expired",
        expires=None,
    ),
    _case(
        "anonymous-trap",
        "A mistyped token, in an organization that answers strangers because of a public project.",
        _GARBAGE,
        4,
        "token-anonymous",
        world={"organizations": (samples.OPEN_CONTOSO,), "tokens": ()},
        organizations=("opencontoso",),
        expires=None,
    ),
    _case(
        "not-a-member",
        "A good token of somebody who has no access to this organization.",
        _pat("NotAMember", "Out1"),
        3,
        "not-a-member",
        world={"organizations": (samples.CONTOSO, _LOCKED_FABRIKAM)},
        organizations=("fabrikam",),
    ),
    _case(
        "deactivated-organization",
        "The organization was switched off.",
        _pat("SwitchedOff", "Off1"),
        3,
        "organization-deactivated",
        world={"organizations": (replace(samples.CONTOSO, deactivated=True), samples.FABRIKAM)},
    ),
    _case(
        "username-needed",
        "Cloning works with a user name beside the token only.",
        _pat("UsernameNeeded", "Usr1"),
        world={"organizations": (samples.NAMED_CONTOSO,)},
        clone_username="aspm-scanner",
    ),
    _case(
        "issue-manager",
        "The connection also files issues, with a token of full access, "
        "on an ASPM of the core dialect.",
        _pat("IssueManager", "Ful1", scopes=frozenset({FULL_ACCESS})),
        world={"aspm": samples.aspm(dialect="core")},
        purpose="alm+issue-manager",
    ),
    _case(
        "two-organizations-two-tokens",
        "Two organizations, each with a token of its own: "
        "how it is done once global tokens are gone.",
        _FIRST,
        world={"tokens": (_FIRST, _SECOND), "aspm": samples.aspm("azurecloud")},
        organizations=("contoso", "fabrikam"),
        reach="organization",
        tokens=(("contoso", _FIRST.value), ("fabrikam", _SECOND.value)),
    ),
    _case(
        "created-token",
        "Nobody copies a token: the Azure CLI is signed in, "
        "and the token of one organization is created after a yes.",
        _pat("BeforeCreated", "Bfr1"),
        world={"sign_ins": (_SIGNED_IN,)},
        reach="organization",
        tokens=(),
        expires=None,
        by_az=True,
    ),
    _on_server(
        "server",
        "Azure DevOps Server 2022 with two collections and a token of all collections.",
        samples.TFS,
        _pat("Server", "Srv1", home="server"),
    ),
    _on_server(
        "server-2019",
        "Azure DevOps Server 2019: an old token shape, API 5.0, "
        "and fewer things that can be shown.",
        samples.TFS_2019,
        samples.token(samples.legacy_pat("server", "old2"), home="server"),
    ),
    _case(
        "aspm-core",
        "The ASPM is an AppSec Core: its API stands elsewhere, "
        "and its token goes into another header.",
        _pat("AspmCore", "Cor1"),
        world={"aspm": samples.aspm(dialect="core")},
    ),
    _case(
        "aspm-wrong-token",
        "Azure DevOps takes its token, but Invicti ASPM does not accept its own: "
        "nothing is handed over.",
        _pat("AspmWrongToken", "Wrg1"),
        4,
        "aspm-token-rejected",
        aspm_token=_UNKNOWN,
    ),
    _case(
        "aspm-forbidden",
        "Invicti ASPM accepts its token, whose owner has no rights to projects.",
        _pat("AspmForbidden", "Fbd1"),
        6,
        "aspm-forbidden",
        world={"aspm": samples.aspm(token_sees_projects=False)},
    ),
    _case(
        "aspm-is-a-web-page",
        "Some web page answers at the address that was given for Invicti ASPM.",
        _pat("AspmIsAWebPage", "Web1"),
        6,
        "aspm-not-an-api",
        world={"aspm": samples.aspm(state="page")},
    ),
    _case(
        "register-api",
        "A registration profile registers the organization.",
        _pat("RegisterApi", "Reg1"),
        world={"aspm": samples.aspm(registers="yes")},
        register="api",
        profile=PROFILE,
    ),
    _case(
        "register-api-lost-answer",
        "Invicti ASPM registers, and the connection breaks before it can say so: "
        "it is looked for, not sent again.",
        _pat("RegisterApiLostAnswer", "Los1"),
        world={"aspm": samples.aspm(registers="answer-lost")},
        register="api",
        profile=PROFILE,
    ),
    _case(
        "register-api-conflict",
        "Somebody has connected the organization by hand before: "
        "that instance is neither taken over nor doubled.",
        _pat("RegisterApiConflict", "Cnf1"),
        6,
        "registration-conflict",
        world={"aspm": samples.aspm("azurecloud", registers="yes", instances=(_SOMEBODYS,))},
        register="api",
        profile=PROFILE,
    ),
)
SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {scenario.name: scenario for scenario in _ALL}
)

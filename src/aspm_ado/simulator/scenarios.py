"""The scenarios of the demo and the tests: a world, answers, and the expected result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from aspm_ado.simulator import samples
from aspm_ado.simulator.scopes import FULL_ACCESS
from aspm_ado.simulator.world import Instance, IssuedToken, Server, SignIn, World

_TODAY = date(2026, 10, 15)  # more than 30 days before global tokens retire
_AFTER = date(2027, 1, 15)

PROFILE: Final = str(Path(__file__).with_name("registration_profile.json"))
"""Registers instances at the simulated ASPM, which alone has this endpoint."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a user enters in `aspm-ado connect` in this scenario."""

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
    by_az: bool = False  # the API creates the token, for the sign-in of `az`


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario. `reasons` are exactly those of the required checks that fail."""

    name: str
    summary: str
    world: World
    answers: Answers
    exit_code: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def today(self) -> date:
        """The simulated day."""
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
    """A user pastes this token for Contoso; ``world`` and ``answers`` replace the defaults."""
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


_GARBAGE = _pat("Garbage", "Grb1")  # unknown in every world
_FIRST = _pat("FirstOfTwo", "Con1", reach="Contoso")
_SECOND = _pat("SecondOfTwo", "Fab1", reach="Fabrikam")
_SIGNED_IN = SignIn("simulated-sign-in-of-entra-0001", samples.ADA, samples.TENANT)
_UNKNOWN = "simulated-aspm-token-9999"
_SOMEBODYS = Instance("made by hand", "azurecloud", "https://dev.azure.com/Contoso")

_ALL = (
    _case(
        "ready",
        "A token for one organization, with every required scope.",
        _pat("OneOfContoso", "Own1", reach="Contoso", expires=date(2027, 7, 14)),
        world={"today": _AFTER},
    ),
    _case(
        "global",
        "A global token with every required scope, before the announced retirement.",
        _pat("Ready", "Rdy1"),
    ),
    _case(
        "missing-scope",
        "The token can only read code. To fix it, edit the token on the token page.",
        _pat("MissingScope", "Mis1", scopes=samples.CODE_READ_ONLY),
        3,
        "code-scope-missing",
    ),
    _case(
        "organization-only",
        "The token is for one organization, but Invicti's guide asks for all.",
        _pat("OneOnly", "One1", reach="Contoso"),
        3,
        "reach-organization-only",
    ),
    _case(
        "global-after-retirement",
        "A global token, on the day after the announced retirement.",
        _pat("GlobalAfterRetirement", "Ret1"),
        4,
        "token-rejected",
        world={"today": date(2026, 12, 2)},
    ),
    _case(
        "expired",
        "The token has expired.",
        _pat("Expired", "Exp1", expires=date(2026, 9, 30)),
        4,
        "token-expired",
        expires=None,
    ),
    _case(
        "anonymous-trap",
        "The token is mistyped. A public project makes the organization answer anonymous requests.",
        _GARBAGE,
        4,
        "token-anonymous",
        world={"organizations": (samples.OPEN_CONTOSO,), "tokens": ()},
        organizations=("opencontoso",),
        expires=None,
    ),
    _case(
        "not-a-member",
        "The owner of the token has no access to this organization.",
        _pat("NotAMember", "Out1"),
        3,
        "not-a-member",
        world={"organizations": (samples.CONTOSO, samples.CLOSED_FABRIKAM)},
        organizations=("fabrikam",),
    ),
    _case(
        "deactivated-organization",
        "The organization is deactivated.",
        _pat("SwitchedOff", "Off1"),
        3,
        "organization-deactivated",
        world={"organizations": (samples.DEACTIVATED_CONTOSO, samples.FABRIKAM)},
    ),
    _case(
        "username-needed",
        "Cloning needs a username with the token.",
        _pat("UsernameNeeded", "Usr1"),
        world={"organizations": (samples.NAMED_CONTOSO,)},
        clone_username="aspm-scanner",
    ),
    _case(
        "issue-manager",
        "The connection also creates issues. The token has full access. AppSec Core is in use.",
        _pat("IssueManager", "Ful1", scopes=frozenset({FULL_ACCESS})),
        world={"aspm": samples.aspm(dialect="core")},
        purpose="alm+issue-manager",
    ),
    _case(
        "two-organizations-two-tokens",
        "2 organizations with a token each, as needed after the retirement of global tokens.",
        _FIRST,
        world={"tokens": (_FIRST, _SECOND), "aspm": samples.aspm("azurecloud")},
        organizations=("contoso", "fabrikam"),
        reach="organization",
        tokens=(("contoso", _FIRST.value), ("fabrikam", _SECOND.value)),
    ),
    _case(
        "created-token",
        "The Azure CLI is signed in. Azure DevOps creates a token after you confirm.",
        _pat("BeforeCreated", "Bfr1"),
        world={"sign_ins": (_SIGNED_IN,)},
        reach="organization",
        tokens=(),
        expires=None,
        by_az=True,
    ),
    _on_server(
        "server",
        "Azure DevOps Server 2022, with 2 collections and a token for all collections.",
        samples.TFS,
        _pat("Server", "Srv1", home="server"),
    ),
    _on_server(
        "server-2019",
        "Azure DevOps Server 2019: an older token format, API 5.0, and fewer verifiable checks.",
        samples.TFS_2019,
        samples.token(samples.legacy_pat("server", "old2"), home="server"),
    ),
    _case(
        "aspm-core",
        "Invicti ASPM is in AppSec Core: its API has another path and another header.",
        _pat("AspmCore", "Cor1"),
        world={"aspm": samples.aspm(dialect="core")},
    ),
    _case(
        "aspm-wrong-token",
        "Azure DevOps accepts the token, but Invicti ASPM rejects the API token.",
        _pat("AspmWrongToken", "Wrg1"),
        4,
        "aspm-token-rejected",
        aspm_token=_UNKNOWN,
    ),
    _case(
        "aspm-forbidden",
        "Invicti ASPM accepts the API token, but its owner has no access to projects.",
        _pat("AspmForbidden", "Fbd1"),
        6,
        "aspm-forbidden",
        world={"aspm": samples.aspm(token_sees_projects=False)},
    ),
    _case(
        "aspm-is-a-web-page",
        "A web page answers at the URL of Invicti ASPM.",
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
        "Invicti ASPM registers the organization, but its answer is lost. aspm-ado looks for it.",
        _pat("RegisterApiLostAnswer", "Los1"),
        world={"aspm": samples.aspm(registers="answer-lost")},
        register="api",
        profile=PROFILE,
    ),
    _case(
        "register-api-conflict",
        "The organization already has an instance. aspm-ado does not change or duplicate it.",
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

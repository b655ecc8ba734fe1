"""A token without copying: offered, shown, agreed to, created, read back. What cannot be done so is done by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.pat_lifecycle import EXPIRES_SOURCE, differences, order_for
from aspm_ado.domain.azure.retirement import MIGRATE, Reach, parse_day
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import CREATE_TOKEN, DRY_RUN, PAT_EXPIRES, YES, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import OrganizationReport, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import one_of
from aspm_ado.flows.tokens.lifecycle import Counter, clear_left, counter, days
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pat_lifecycle import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.errors import UserError
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.token import Demand

AUTO: Final = "auto"
NEVER: Final = "never"
REQUIRE: Final = "require"

HOW: Final = Question("token-how", "How shall the token be made?")
BY_AZ: Final = Choice("az", "Let the Azure CLI (az) make it", "you see first what it will be")
BY_HAND: Final = Choice("hand", "By hand, on the token page")
AGREE: Final = Question("create", "Create this token now?", "-y with --create-token", YES.env)


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why a token cannot be made this way, found without asking anybody."""

    reason: Reason
    problem: str
    remedy: str

    @property
    def error(self) -> NotCreatedError:
        return NotCreatedError(self.reason, self.problem, remedy=self.remedy)


def wanted(asker: Asker) -> str:
    """``--create-token``: ``auto`` where it is not said."""
    return asker.one(CREATE_TOKEN, one_of(CREATE_TOKEN)) or AUTO


def created(context: Context, place: Place, brief: Demand, *, for_all: bool) -> Token | None:
    """A new token of one organization; ``None`` where it is to be made by hand.

    `az` is not run before the person has chosen it, or ``-y`` has. Raises ``NotCreatedError`` under ``require``, and
    ``UsageError`` where there is nobody to do it by hand.
    """
    asker, choice = context.asker, wanted(context.asker)
    if choice == NEVER:
        return None
    obstacle = _obstacle(context, place, brief, for_all=for_all)
    if obstacle is not None:
        if choice == REQUIRE:
            raise obstacle.error
        if asker.given(CREATE_TOKEN):
            context.voice.note(f"The token is not created for you. {obstacle.problem}")
        return None
    if not asker.asks and not asker.switch(YES):
        if choice == REQUIRE:
            raise _unconfirmed()
        return None
    if (
        asker.asks
        and choice == AUTO
        and asker.prompter.choose(HOW, [BY_AZ, BY_HAND], BY_AZ.value) == BY_HAND.value
    ):
        return None
    try:
        return _made(context, place, brief)
    except NotCreatedError as error:
        if choice == REQUIRE:
            raise
        if not asker.asks:
            raise UsageError(
                Reason.INPUT_MISSING,
                f"A personal access token is needed, there is nobody to ask, and it could not be created. "
                f"{error.problem}",
                remedy=error.remedy,
            ) from error
        context.voice.warn(
            f"The token could not be created for you. {error.problem} {error.remedy}"
        )
        context.voice.say("It goes on by hand.")
        return None


def creates_unasked(context: Context, place: Place, brief: Demand) -> bool:
    """Whether, with nobody there, a missing token is to be made (or its making is to fail with its own error)."""
    choice = wanted(context.asker)
    if context.asker.asks or choice == NEVER:
        return False
    can = context.asker.switch(YES) and _obstacle(context, place, brief, for_all=False) is None
    return choice == REQUIRE or can


def _obstacle(context: Context, place: Place, brief: Demand, *, for_all: bool) -> _Obstacle | None:
    asker, site = context.asker, place.site
    demanded = context.clock.told_by().demanded(brief.reach, site.deployment)
    if site.deployment is Deployment.SERVER:
        return _Obstacle(
            Reason.CREATION_NOT_POSSIBLE,
            "Azure DevOps Server lets no program make tokens; Azure DevOps Services does.",
            f"Create it by hand: {place.token_page}",
        )
    if asker.switch(DRY_RUN):
        return _Obstacle(
            Reason.USAGE,
            "A rehearsal (--dry-run) creates nothing.",
            "Leave --dry-run out, or give a token.",
        )
    if for_all or demanded is Reach.ALL:
        return _Obstacle(
            Reason.USAGE,
            "A token that is made this way is of one organization, and one of all organizations is asked for here.",
            f"Pass --reach organization to connect; a stored connection gets there with: {MIGRATE}",
        )
    if not asker.keeps and not asker.asks:
        return _Obstacle(
            Reason.USAGE,
            "With --store none and nobody there, a new token would be lost at once.",
            "Leave --store none out, or run this on a terminal.",
        )
    if context.entra is None or not context.entra.is_there:
        return _Obstacle(
            Reason.AZ_ABSENT,
            "The Azure CLI (az) is not on the PATH.",
            "Install it (https://aka.ms/installazurecli) and sign in with az login; or create the token by hand.",
        )
    return None


def _made(context: Context, place: Place, brief: Demand) -> Token:
    """Show what will be, have it agreed to, create it, and read back what came of it."""
    until = context.asker.one(PAT_EXPIRES, lambda text: parse_day(text, PAT_EXPIRES.flag))
    if until is not None and until <= context.clock.told_by().today:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{until} is not a day to come.",
            remedy="Give a later day with --pat-expires.",
        )
    desk = counter(context, place)
    order = order_for(place, brief.purpose, desk.calendar, context.caller.fresh(), until)
    context.voice.say(f"Asking `az` for a sign-in to the tenant {desk.tenant} of {place.name} …")
    living = desk.living(order)
    clear_left(context, desk, living)
    _show(context, desk, order)
    if not context.asker.switch(YES) and not context.asker.prompter.confirm(AGREE, default=False):
        raise NotCreatedError(
            Reason.CONFIRMATION_MISSING,
            "Nothing was created: it was not agreed to.",
            remedy="Answer yes, or leave --create-token require out.",
        )
    ordered, pat = desk.make(order, living.owner)
    if ordered.until != order.until:
        context.voice.warn(
            f"Azure DevOps refused a life of {days(order, desk.calendar.today)} days; the longest that it gave is "
            f"{days(ordered, desk.calendar.today)} days, until {ordered.until}."
        )
    granted = desk.granted(pat)
    if granted is None:
        context.voice.warn(
            "What was really granted could not be read back; what the creation said is taken."
        )
    found = granted or pat
    for line in differences(ordered, found, desk.calendar.today):
        context.voice.warn(line)
    secret = pat.secret
    if secret is None:
        raise RuntimeError("a token without a value was taken for one")
    ends = found.valid_to.date() if found.valid_to else ordered.until
    context.voice.say(f"Created “{ordered.display_name}” (…{secret.last4}), until {ends}.")
    return Token(
        secret,
        "az",
        (place,),
        end=ends,
        end_source=EXPIRES_SOURCE,
        authorization_id=pat.authorization_id,
    )


def _show(context: Context, desk: Counter, order: Order) -> None:
    context.voice.heading(f"The token that will be created ({order.place.name})")
    context.voice.say(f"  Name: {order.display_name}")
    context.voice.say(f"  Organization: {order.place.name}, and no other")
    context.voice.say(f"  Ends: {order.until} ({days(order, desk.calendar.today)} days)")
    context.voice.say(f"  Scopes: {'; '.join(str(box) for box in order.boxes)}")
    context.voice.say(f"  The same, as the API names them: {' '.join(order.scopes)}")


def _unconfirmed() -> NotCreatedError:
    return NotCreatedError(
        Reason.CONFIRMATION_MISSING,
        "Creating a token needs a yes, and there is nobody to ask.",
        remedy="Add -y.",
    )


_OF_THE_ORGANIZATION: Final = frozenset({
    Reason.ACCESS_FENCED, Reason.AZ_NOT_SIGNED_IN, Reason.CREATION_FAILED, Reason.CREATION_FORBIDDEN,
    Reason.CREATION_NOT_ALLOWED, Reason.CREATION_NOT_POSSIBLE, Reason.CREATION_REFUSED, Reason.CREATION_UNCERTAIN,
    Reason.ORGANIZATION_ABSENT, Reason.OTHER_TENANT, Reason.TENANT_UNKNOWN,
})  # fmt: skip
"""Why no token was created, where that says nothing about the next organization. The rest ends the run: `az` itself."""


def uncreated(context: Context, name: str, error: UserError) -> OrganizationReport:
    """The report of the organization ``name``. Raises ``error`` where it is not of this organization alone."""
    why = error if isinstance(error, NotCreatedError) else error.__cause__
    if not isinstance(why, NotCreatedError) or why.reason not in _OF_THE_ORGANIZATION:
        raise error
    context.voice.warn(f"{clean(name, 60)}: {why.problem} {why.remedy}")
    status = Status.FAIL if why.exit_code is ExitCode.NOT_GOOD_ENOUGH else Status.UNKNOWN
    check = Check(CheckId.ACCESS, status, why.problem, why.reason, why.remedy)
    return OrganizationReport(name, None, TokenFacts("unknown", ""), (check,))

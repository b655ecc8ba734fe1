"""A token that `az` creates: offered, shown, agreed to, created and read back; or made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.pats import EXPIRES_SOURCE, differences, order_for
from aspm_ado.domain.azure.place import Deployment
from aspm_ado.domain.azure.retirement import MIGRATE, Reach
from aspm_ado.domain.questions import (
    CREATE_TOKEN,
    DRY_RUN,
    REGISTER,
    REGISTRATION_PROFILE,
    YES,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import ExitCode, NotCreatedError, Reason, UsageError
from aspm_ado.domain.report import Check, CheckId, OrganizationReport, Status, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import AUTO, declined, one_of
from aspm_ado.flows.tokens.expiry import end_given
from aspm_ado.flows.tokens.lifecycle import lifecycle_of, revoke_abandoned
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.azure.pats import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Pat
    from aspm_ado.domain.reasons import UserError
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.tokens.lifecycle import PatLifecycle
    from aspm_ado.flows.validation.scheduler import RequestPlan
    from aspm_ado.flows.validation.token import Demand

NEVER: Final = "never"
REQUIRE: Final = "require"
CREATED: Final = "az"
"""The source of a token that this program created."""

_HOW: Final = Question("token-how", "How do you want to create the token?")
_BY_AZ: Final = Choice(
    "az", "Create it with the Azure CLI (az)", "aspm-ado shows it first and asks for confirmation"
)
_BY_HAND: Final = Choice("hand", "By hand, on the token page")
_AGREE: Final = Question("create", "Create this token now?", "-y with --create-token", YES.env)


def creation_asked(asker: Asker) -> str:
    """``--create-token``: ``auto`` where it is not said."""
    return asker.one(CREATE_TOKEN, one_of(CREATE_TOKEN)) or AUTO


def create_token(context: Context, place: Place, demand: Demand, *, for_all: bool) -> Token | None:
    """A new token of one organization; ``None`` where it is to be made by hand.

    `az` is not run before the person has chosen it, or ``-y`` has. Raises ``NotCreatedError`` under
    ``require``, and ``UsageError`` where there is nobody to do it by hand.
    """
    asker, asked = context.asker, creation_asked(context.asker)
    if asked == NEVER:
        return None
    obstacle = _obstacle(context, place, demand, for_all=for_all)
    if obstacle is not None:
        if asked == REQUIRE:
            raise obstacle
        if asker.given(CREATE_TOKEN):
            context.voice.note(f"aspm-ado cannot create the token. {obstacle.problem}")
        return None
    if not _is_chosen(asker, asked):
        return None
    try:
        return context.scheduler.run(_created(context, place, demand))
    except NotCreatedError as error:
        if asked == REQUIRE:
            raise
        if not asker.asks:
            raise _none_created(error) from error
        context.voice.warn(f"aspm-ado could not create the token. {error.problem} {error.remedy}")
        context.voice.say("Create it by hand.")
        return None


def creates_at_once(context: Context, place: Place, demand: Demand) -> bool:
    """Whether tokens are created without any question, so that several can be at the same time."""
    if not context.asker.switch(YES):
        return False
    asked = creation_asked(context.asker)
    may_create = asked == REQUIRE or (asked != NEVER and not context.asker.asks)
    return may_create and _obstacle(context, place, demand, for_all=False) is None


def creates_unasked(context: Context, place: Place, demand: Demand) -> bool:
    """Whether, with nobody there, a missing token is created, or that ends in its own error."""
    asker, asked = context.asker, creation_asked(context.asker)
    if asker.asks or asked == NEVER:
        return False
    if asked == REQUIRE:
        return True
    return asker.switch(YES) and _obstacle(context, place, demand, for_all=False) is None


def demand_creatable(context: Context, place: Place, demand: Demand) -> None:
    """Raise ``NotCreatedError`` where no token can be created there, or nobody agreed to it."""
    if (obstacle := _obstacle(context, place, demand, for_all=False)) is not None:
        raise obstacle
    _is_chosen(context.asker, REQUIRE)


def _obstacle(
    context: Context, place: Place, demand: Demand, *, for_all: bool
) -> NotCreatedError | None:
    """Why the token cannot be created, as far as is known without asking anybody."""
    asker, deployment = context.asker, place.site.deployment
    if deployment is Deployment.SERVER:
        return NotCreatedError(
            Reason.CREATION_NOT_POSSIBLE,
            "A program cannot create tokens on Azure DevOps Server.",
            remedy=f"Create it by hand: {place.token_page}",
        )
    if asker.switch(DRY_RUN):
        return NotCreatedError(
            Reason.USAGE,
            "A dry run creates no token.",
            remedy="Omit --dry-run, or pass a token.",
        )
    if for_all or context.clock.calendar().demanded(demand.reach, deployment) is Reach.ALL:
        return NotCreatedError(
            Reason.USAGE,
            "aspm-ado can create tokens for one organization only, and this run needs a global "
            "token.",
            remedy="Pass --reach organization to connect. To migrate a stored connection, run: "
            f"{MIGRATE}",
        )
    if not asker.keeps and not _can_be_handed_over(context):
        return NotCreatedError(
            Reason.USAGE,
            "With --store none, the new token would be lost: it is stored nowhere, and aspm-ado "
            "has no way to hand it over.",
            remedy="Omit --store none. Or use a clipboard on a terminal, or a registration "
            "profile.",
        )
    if context.entra is None or not context.entra.is_there:
        return NotCreatedError(
            Reason.AZ_ABSENT,
            "The Azure CLI (az) is not on the PATH.",
            remedy="Install it (https://aka.ms/installazurecli) and sign in: az login. Or create "
            "the token by hand.",
        )
    return None


def _can_be_handed_over(context: Context) -> bool:
    """Whether a profile or a clipboard can bring an unstored token to Invicti ASPM."""
    asker = context.asker
    register = asker.one(REGISTER, one_of(REGISTER)) or AUTO
    if register == "none":
        return False
    if register != "guided" and asker.given(REGISTRATION_PROFILE):
        return True
    return asker.asks and context.desktop.can_copy


def _is_chosen(asker: Asker, asked: str) -> bool:
    """Whether the person chooses `az`, or ``-y`` has agreed to it."""
    if asker.asks:
        if asked == REQUIRE:
            return True
        return asker.prompter.choose(_HOW, [_BY_AZ, _BY_HAND], _BY_AZ.value) == _BY_AZ.value
    if asked == REQUIRE and not asker.switch(YES):
        raise NotCreatedError(
            Reason.CONFIRMATION_MISSING,
            "Creating a token needs your confirmation, and prompts are unavailable.",
            remedy="Add -y.",
        )
    return asker.switch(YES)


def create_unasked(context: Context, place: Place, demand: Demand) -> RequestPlan[Token]:
    """A new token of one organization, without a question.

    Raises ``NotCreatedError`` or ``UsageError`` as ``create_token`` does with nobody there.
    """
    try:
        return (yield from _created(context, place, demand, is_shown=False))
    except NotCreatedError as error:
        if creation_asked(context.asker) == REQUIRE:
            raise
        raise _none_created(error) from error


def _none_created(error: NotCreatedError) -> UsageError:
    return UsageError(
        Reason.INPUT_MISSING,
        "A personal access token is required, prompts are unavailable, and Azure DevOps "
        f"created none. {error.problem}",
        remedy=error.remedy,
    )


def _created(
    context: Context, place: Place, demand: Demand, *, is_shown: bool = True
) -> RequestPlan[Token]:
    """Show what will be created, have it agreed to, create it, and read back what came of it."""
    until = _end_given(context)
    service = yield from lifecycle_of(context, place)
    order = order_for(place, demand.purpose, service.calendar, context.caller.fresh(), until)
    if not context.asker.switch(YES):
        context.voice.say(
            f"Asking `az` for a sign-in to the tenant {service.tenant} of {place.name} …"
        )
    living = yield from service.living(order)
    yield from revoke_abandoned(context, service, living)
    if is_shown:
        _show(context, order, service.calendar.today)
    if not context.asker.switch(YES) and not context.asker.prompter.confirm(_AGREE, default=False):
        raise declined("Azure DevOps created no token. To paste one, pass --create-token never.")
    ordered, pat = yield from service.create(order, living.owner)
    if pat.secret is None:
        raise RuntimeError("a token without a value was taken for one")
    granted = yield from _granted(context, service, order, ordered, pat)
    ends = granted.valid_to.date() if granted.valid_to else ordered.until
    context.voice.say(f"Created “{ordered.display_name}” (…{pat.secret.last4}), until {ends}.")
    return Token(
        pat.secret,
        CREATED,
        (place,),
        end=ends,
        end_source=EXPIRES_SOURCE,
        authorization_id=pat.authorization_id,
    )


def _end_given(context: Context) -> date | None:
    today = context.clock.calendar().today
    until = end_given(context.asker, today)
    if until == today:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{until} is not a future date.",
            remedy="Give a later day with --pat-expires.",
        )
    return until


def _granted(
    context: Context, service: PatLifecycle, order: Order, ordered: Order, pat: Pat
) -> RequestPlan[Pat]:
    """What was really granted; it is said where that is not what was ordered."""
    voice, today = context.voice, service.calendar.today
    if ordered.until != order.until:
        voice.warn(
            f"Azure DevOps rejected a lifetime of {order.days(today)} days. The longest that it "
            "allowed is "
            f"{ordered.days(today)} days, until {ordered.until}."
        )
    granted = yield from service.read(pat.authorization_id)
    if granted is None:
        voice.warn(
            "aspm-ado could not read back the new token. It uses the values that Azure DevOps "
            "returned at creation."
        )
        granted = pat
    for line in differences(ordered, granted, today):
        voice.warn(line)
    return granted


def _show(context: Context, order: Order, today: date) -> None:
    voice, place = context.voice, order.place
    if context.asker.switch(YES):  # nobody reads it to agree to it, and there may be hundreds
        voice.say(
            f"Creating “{order.display_name}” for {place.name} alone, until {order.until} "
            f"({order.days(today)} days): {'; '.join(str(box) for box in order.boxes)}"
        )
        return
    voice.heading(f"The token that will be created ({place.name})")
    voice.say(f"  Name: {order.display_name}")
    voice.say(f"  Organization: {place.name}, and no other")
    voice.say(f"  Expires: {order.until} ({order.days(today)} days)")
    voice.say(f"  Scopes: {'; '.join(str(box) for box in order.boxes)}")
    voice.say(f"  The same, as the API names them: {' '.join(order.scopes)}")


_OF_THE_ORGANIZATION: Final = frozenset(
    {
        Reason.ACCESS_FENCED,
        Reason.AZ_NOT_SIGNED_IN,
        Reason.CREATION_FAILED,
        Reason.CREATION_FORBIDDEN,
        Reason.CREATION_NOT_ALLOWED,
        Reason.CREATION_NOT_POSSIBLE,
        Reason.CREATION_REFUSED,
        Reason.CREATION_UNCERTAIN,
        Reason.ORGANIZATION_ABSENT,
        Reason.OTHER_TENANT,
        Reason.TENANT_UNKNOWN,
    }
)
"""Reasons that say nothing about the next organization. The rest ends the run: `az` itself."""


def not_created_report(context: Context, name: str, error: UserError) -> OrganizationReport:
    """The report of an organization whose token was not created.

    Raises ``error`` where it is not of this organization alone.
    """
    why = error if isinstance(error, NotCreatedError) else error.__cause__
    if not isinstance(why, NotCreatedError) or why.reason not in _OF_THE_ORGANIZATION:
        raise error
    context.voice.warn(f"{clean(name, 60)}: {why.problem} {why.remedy}")
    status = Status.FAIL if why.exit_code is ExitCode.NOT_GOOD_ENOUGH else Status.UNKNOWN
    check = Check(CheckId.ACCESS, status, why.problem, why.reason, why.remedy)
    return OrganizationReport(name, None, TokenFacts(), (check,))

"""Tokens that `az` creates, after they are shown and agreed to; what nothing keeps is revoked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.pats import EXPIRES_SOURCE, differences, order_for
from aspm_ado.domain.azure.requests import ACCOUNT_URL
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.documents import Names
from aspm_ado.domain.http import Credential, Origin
from aspm_ado.domain.questions import (
    CREATE_TOKEN,
    DRY_RUN,
    REGISTER,
    REGISTRATION_PROFILE,
    YES,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import (
    CheckId,
    ExitCode,
    InterruptedByUserError,
    NotCreatedError,
    Reason,
    Status,
    StoreError,
    UsageError,
    UserError,
)
from aspm_ado.domain.report import Check, OrganizationReport, TokenFacts
from aspm_ado.domain.rules.classify import explain_inconclusive
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import AUTO, declined, one_of
from aspm_ado.flows.tokens.lifecycle import (
    PatLifecycle,
    close_order,
    close_orders,
    lifecycle_of,
    release_order,
    revoke_abandoned,
)
from aspm_ado.flows.tokens.sources import end_given
from aspm_ado.flows.validation.requests import NOT_ALL, profile_and_list
from aspm_ado.flows.validation.scheduler import RequestPlan
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from aspm_ado.domain.azure.pats import CreatedToken, Order
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.documents import Pat
    from aspm_ado.domain.reasons import UserError
    from aspm_ado.domain.stored import StoredCredential
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
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


@dataclass(frozen=True, slots=True)
class Creation:
    """A token of one organization that `az` may create.

    ``for_all``: it would have to serve every organization.
    """

    context: Context
    place: Place
    demand: Demand
    for_all: bool = False

    @property
    def asked(self) -> str:
        """``--create-token``."""
        return creation_asked(self.context.asker)

    @property
    def obstacle(self) -> NotCreatedError | None:
        """Why the token cannot be created, as far as is known without asking anybody."""
        context, deployment = self.context, self.place.site.deployment
        if deployment is Deployment.SERVER:
            return NotCreatedError(
                Reason.CREATION_NOT_POSSIBLE,
                "A program cannot create tokens on Azure DevOps Server.",
                remedy=f"Create it by hand: {self.place.token_page}",
            )
        if context.asker.switch(DRY_RUN):
            return NotCreatedError(
                Reason.USAGE,
                "A dry run creates no token.",
                remedy="Omit --dry-run, or pass a token.",
            )
        reach = context.clock.calendar().demanded(self.demand.reach, deployment)
        if self.for_all or reach is Reach.ALL:
            return NotCreatedError(
                Reason.USAGE,
                "aspm-ado can create tokens for one organization only, and this run needs a global "
                "token.",
                remedy="Pass --reach organization to connect. To migrate a stored connection, run: "
                "aspm-ado migrate NAME",
            )
        if not context.asker.keeps and not _can_be_handed_over(context):
            return NotCreatedError(
                Reason.USAGE,
                "With --store none, the new token would be lost: it is stored nowhere, and "
                "aspm-ado has no way to hand it over.",
                remedy="Omit --store none. Or use a clipboard on a terminal, or a registration "
                "profile.",
            )
        if context.entra is None or not context.entra.is_there:
            return NotCreatedError(
                Reason.AZ_ABSENT,
                "The Azure CLI (az) is not on the PATH.",
                remedy="Install it (https://aka.ms/installazurecli) and sign in: az login. Or "
                "create the token by hand.",
            )
        return None

    @property
    def is_at_once(self) -> bool:
        """Whether it is created without any question, so that several can be at the same time."""
        asker = self.context.asker
        may_create = self.asked == REQUIRE or (self.asked != NEVER and not asker.asks)
        return asker.switch(YES) and may_create and self.obstacle is None

    @property
    def is_unasked(self) -> bool:
        """Whether, with nobody there, it is created, or that ends in its own error."""
        if self.context.asker.asks or self.asked == NEVER:
            return False
        return self.asked == REQUIRE or self.is_at_once

    def demand_possible(self) -> None:
        """Raise ``NotCreatedError`` where it cannot be created, or nobody agreed to it."""
        if (obstacle := self.obstacle) is not None:
            raise obstacle
        self.is_chosen(REQUIRE)

    def is_chosen(self, asked: str) -> bool:
        """Whether the person chooses `az`, or ``-y`` has agreed to it."""
        asker = self.context.asker
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

    def offer(self) -> Token | None:
        """The new token; ``None`` where it is to be made by hand.

        `az` is not run before the person has chosen it, or ``-y`` has. Raises ``NotCreatedError``
        under ``require``, and ``UsageError`` where there is nobody to do it by hand.
        """
        context, asked = self.context, self.asked
        if asked == NEVER:
            return None
        if (obstacle := self.obstacle) is not None:
            if asked == REQUIRE:
                raise obstacle
            if context.asker.given(CREATE_TOKEN):
                context.voice.note(f"aspm-ado cannot create the token. {obstacle.problem}")
            return None
        if not self.is_chosen(asked):
            return None
        if not context.asker.asks:
            return context.scheduler.run(self.unasked(is_shown=True))
        if context.entra is not None:
            context.entra.forget_failures()
        try:
            return context.scheduler.run(self.created())
        except NotCreatedError as error:
            if asked == REQUIRE:
                raise
            context.voice.warn(
                f"aspm-ado could not create the token. {error.problem} {error.remedy}"
            )
            context.voice.say("Create it by hand.")
            return None

    def unasked(self, *, is_shown: bool = False, is_told: bool = True) -> RequestPlan[Token]:
        """The new token with nobody there.

        Raises ``NotCreatedError`` under ``require``, else ``UsageError``.
        """
        try:
            return (yield from self.created(is_shown=is_shown, is_told=is_told))
        except NotCreatedError as error:
            if self.asked == REQUIRE:
                raise
            raise UsageError(
                Reason.INPUT_MISSING,
                "A personal access token is required, prompts are unavailable, and Azure DevOps "
                f"created none. {error.problem}",
                remedy=error.remedy,
            ) from error

    def created(self, *, is_shown: bool = True, is_told: bool = True) -> RequestPlan[Token]:
        """Show what will be created, have it agreed to, create it, and read back what came.

        ``is_told``: its name is said.
        """
        context, place, until = self.context, self.place, self.end_given()
        service = yield from lifecycle_of(context, place)
        order = order_for(
            place, self.demand.purpose, service.calendar, context.caller.fresh(), until
        )
        agreed = context.asker.switch(YES)
        if not agreed:
            context.voice.say(
                f"Asking `az` for a sign-in to the tenant {service.tenant} of {place.name} …"
            )
        living = yield from service.living(order)
        yield from revoke_abandoned(context, service, living)
        if is_shown:
            _show(context, order, service.calendar.today)
        if not agreed and not context.asker.prompter.confirm(_AGREE, default=False):
            raise declined(
                "Azure DevOps created no token. To paste one, pass --create-token never."
            )
        ordered, pat = yield from service.create(order, living.owner)
        if pat.secret is None:
            raise RuntimeError("a token without a value was taken for one")
        granted = yield from _granted(service, order, ordered, pat)
        told = granted.valid_to or pat.valid_to
        ends = told.date() if told else None  # perhaps shorter than ordered: a policy's doing
        lasts = f"until {ends}" if ends else "Azure DevOps did not say until when"
        if is_told:
            context.voice.say(f"Created “{ordered.display_name}” (…{pat.secret.last4}), {lasts}.")
        return Token(
            pat.secret,
            CREATED,
            (place,),
            end=ends,
            end_source=EXPIRES_SOURCE if ends else None,
            authorization_id=pat.authorization_id,
        )

    def end_given(self) -> date | None:
        """The day of ``--pat-expires``, which must be to come."""
        today = self.context.clock.calendar().today
        until = end_given(self.context.asker, today)
        if until == today:
            raise UsageError(
                Reason.INPUT_INVALID,
                f"{until} is not a future date.",
                remedy="Give a later day with --pat-expires.",
            )
        return until


def _can_be_handed_over(context: Context) -> bool:
    """Whether a profile or a clipboard can bring an unstored token to Invicti ASPM."""
    asker = context.asker
    register = asker.one(REGISTER, one_of(REGISTER)) or AUTO
    if register == "none":
        return False
    if register != "guided" and asker.given(REGISTRATION_PROFILE):
        return True
    return asker.asks and context.desktop.can_copy


def _granted(service: PatLifecycle, order: Order, ordered: Order, pat: Pat) -> RequestPlan[Pat]:
    """What was really granted; it is said where that is not what was ordered."""
    voice, today = service.context.voice, service.calendar.today
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


_ENDS_THE_RUN: Final = frozenset(
    {Reason.AZ_ABSENT, Reason.AZ_FAILED, Reason.CONFIRMATION_MISSING, Reason.USAGE}
)
"""Reasons that hold for every organization. The others are of the one that was asked about."""


def not_created_report(context: Context, name: str, error: UserError) -> OrganizationReport:
    """The report of an organization whose token was not created.

    Raises ``error`` where it is not of this organization alone.
    """
    why = error if isinstance(error, NotCreatedError) else error.__cause__
    if not isinstance(why, NotCreatedError) or why.reason in _ENDS_THE_RUN:
        raise error
    context.voice.warn(f"{clean(name, 60)}: {why.problem} {why.remedy}")
    status = Status.FAIL if why.exit_code is ExitCode.NOT_GOOD_ENOUGH else Status.UNKNOWN
    check = Check(CheckId.ACCESS, status, why.problem, why.reason, why.remedy)
    return OrganizationReport(name, None, TokenFacts(), (check,))


_ANY: Final = "*"


def reached_by_person(
    context: Context, site: Site, named: Sequence[Place], demand: Demand
) -> tuple[Place, ...]:
    """The organizations named, those that were listed, and those with unfinished creations.

    Raises ``NotCreatedError`` where no token can be created, or nothing is known.
    """
    Creation(context, next(iter(named), site.place(_ANY)), demand).demand_possible()
    left = [one.organization for one in context.records.load().ordered if not one.replaced]
    try:
        found = _listed(context, site, named)
    except NotCreatedError as error:
        if not named:
            raise
        context.voice.warn(f"{error.problem} Only the organizations that you name are connected.")
        found = ()
    names = sorted({*found, *left}, key=str.casefold)
    return (*named, *map(site.place, names))


def _listed(context: Context, site: Site, named: Sequence[Place]) -> tuple[str, ...]:
    tenant = ""
    if named:
        tenant = context.scheduler.run(lifecycle_of(context, named[0])).tenant
    context.voice.say("Asking `az` for a sign-in to list your organizations …")
    if context.entra is None:
        raise NotCreatedError(Reason.AZ_ABSENT, "There is no Azure CLI.", remedy="Install it.")
    token = context.entra.token(tenant)
    bound = Credential(token, frozenset({Origin.of(ACCOUNT_URL)}), bearer=True)
    _, reply = context.scheduler.run(profile_and_list(context.caller, site, bound))
    if isinstance(reply.answer, Names) and reply.answer.names:
        context.voice.note(NOT_ALL)
        return reply.answer.names
    problem = "Azure DevOps listed no organization of the person signed in with `az`."
    if not isinstance(reply.answer, Names):
        _, why, _ = explain_inconclusive(reply)
        problem = f"The organizations could not be listed. {why}"
    raise NotCreatedError(
        Reason.ORGANIZATIONS_NOT_LISTED, problem, remedy="Name each organization with -o NAME."
    )


_END_OLD: Final = Question("revoke", "Revoke the old token now, with `az`?", "-y", YES.env)


def revoke_old(context: Context, place: Place, old: StoredCredential, *, by_az: bool) -> bool:
    """Revoke a token that nothing here uses any more, if we created it and that is agreed to.

    Returns whether it is done. ``by_az`` says that the new one was created here, too: where it was
    given, `az` is not run unless a person says so.
    """
    if not old.authorization_id:
        return False
    if not _is_agreed(context, by_az=by_az):
        close_order(context, old.authorization_id)
        return False
    failed = f"The old token (…{old.last4}) could not be revoked"
    try:
        if context.scheduler.run(_revoked(context, place, old.authorization_id)):
            context.voice.say(f"The old token (…{old.last4}) is revoked.")
            close_order(context, old.authorization_id)
            return True
        context.voice.warn(f"{failed}; the next creation here tries again.")
    except NotCreatedError as error:
        context.voice.warn(f"{failed}. {error.problem} {error.remedy}")
    release_order(context, old.authorization_id)
    return False


def _revoked(context: Context, place: Place, authorization_id: str) -> RequestPlan[bool]:
    service = yield from lifecycle_of(context, place)
    return all((yield from service.revoke(authorization_id)))


def _is_agreed(context: Context, *, by_az: bool) -> bool:
    asker, entra = context.asker, context.entra
    if creation_asked(asker) == NEVER or entra is None or not entra.is_there:
        return False
    if asker.switch(YES):
        return by_az
    if not asker.asks or not asker.prompter.confirm(_END_OLD, default=True):
        return False
    entra.forget_failures()
    return True


@contextmanager
def revoking_unkept(context: Context) -> Iterator[None]:
    """Around a command: what it created and did not keep is revoked, however the command ends.

    A person who leaves it is told that a token that they entered is not stored.
    """
    try:
        yield
    except (InterruptedByUserError, KeyboardInterrupt):
        _show_unstored(context)
        raise
    except UsageError as error:
        if error.reason is Reason.DECLINED:
            _show_unstored(context)
        raise
    finally:
        if context.created:
            _revoke_unkept(context)
            context.created.clear()


def _show_unstored(context: Context) -> None:
    asker = context.asker
    if asker.keeps and asker.unstored:
        is_one = len(asker.unstored) == 1
        token, copy, verb = ("token", "copy", "is") if is_one else ("tokens", "copies", "are")
        context.voice.warn(
            f"The {token} that you entered {verb} not stored. Keep your {copy}: Azure DevOps shows "
            "a token only once."
        )


def _revoke_unkept(context: Context) -> None:
    try:
        kept = context.records.load().authorizations
        unkept = [
            one for one in context.created if not (one.handed_over or one.authorization_id in kept)
        ]
        ended = context.scheduler.run_all([_end(context, one) for one in unkept])
        alive = {one.order.id for one, is_over in zip(unkept, ended, strict=True) if not is_over}
        close_orders(context, {one.order.id for one in context.created} - alive)
        for key in alive:
            release_order(context, key)
    except StoreError:
        for one in context.created:
            context.voice.warn(
                f"aspm-ado could not check whether “{one.order.display_name}” was stored. See "
                f"{one.order.place.token_page}"
            )


def _end(context: Context, one: CreatedToken) -> RequestPlan[bool]:
    """Revoke a token; whether nothing is left of it. What is left stays on record."""
    service = PatLifecycle(context, one.order.place, one.tenant, context.clock.calendar())
    name, page = one.order.display_name, one.order.place.token_page
    try:
        if not one.authorization_id:  # no answer came, so that it may or may not be there
            ended = yield from service.revoke_ordered(one.order)
            if one.under_way and not ended:
                later = "The next creation there revokes it; its" if context.asker.keeps else "Its"
                context.voice.warn(f"“{name}” may still be created. {later} page is {page}")
                return False
            if all(ended):
                return True
        elif all((yield from service.revoke(one.authorization_id))):
            context.voice.say(f"The token “{name}” was not stored. aspm-ado revoked it.")
            return True
    except UserError:
        pass
    context.voice.warn(
        f"The token “{name}” was not stored and could not be revoked. Revoke it: {page}"
    )
    return False

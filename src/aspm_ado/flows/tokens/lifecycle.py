"""The tokens of one organization in Microsoft's PAT Lifecycle API, and the orders on record.

It takes the sign-in of `az`. A run that is killed leaves word of what it created or replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.pats import (
    PERSONAL,
    CreatedToken,
    creation_error,
    is_our_name,
    is_revoked,
    is_uncertain,
    known,
    pat_error,
    tenant_in,
    token_beside_error,
)
from aspm_ado.domain.documents import Pat, PatAnswer, Pats
from aspm_ado.domain.http import Credential, Origin
from aspm_ado.domain.questions import YES, Question
from aspm_ado.domain.reasons import NotCreatedError, Reason
from aspm_ado.domain.rules.classify import AnswerKind, classify, explain_inconclusive, user_of
from aspm_ado.domain.stored import TokenOrder
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.scheduler import RequestPlan

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pats import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.stored import Catalogue, StoredCredential
    from aspm_ado.flows.context import Context


def record_orders(context: Context, orders: Sequence[tuple[Order, str]]) -> None:
    """Put orders, each with its owner, on record and claim them for this run.

    Raises ``StoreError``: then they are not sent. Where nothing is stored, orders are not, either.
    """
    if context.asker.keeps:
        _enter(
            context,
            *(
                TokenOrder(one.id, one.place.name, one.display_name, owner, context.stamp)
                for one, owner in orders
            ),
        )


def record_replaced(context: Context, place: Place, old: StoredCredential) -> None:
    """Put on record that a token which was made here is about to be replaced, then revoked."""
    key = old.authorization_id
    if not key or _on_record(context, {key}):
        return
    name, owner = f"the old token …{old.last4}", old.identity_id.lower()
    _enter(context, TokenOrder(key, place.name, name, owner, context.stamp, key, replaced=True))


def with_answers(context: Context, catalogue: Catalogue) -> Catalogue:
    """The records with the ids of the tokens that this run created.

    By its id, the record of a token takes the order off. Until then the order finds it by its name.
    """
    ids = {one.order.id: one.authorization_id for one in context.created if one.authorization_id}
    return catalogue.with_orders(
        one.answered(ids[one.id]) if one.id in ids else one for one in catalogue.ordered
    )


def close_order(context: Context, key: str) -> None:
    """Take an order off the record: nothing is left to be done."""
    close_orders(context, [key])


def close_orders(context: Context, keys: Collection[str]) -> None:
    """Take orders off the record."""
    if context.asker.keeps and _on_record(context, keys):
        context.records.change(
            lambda old: old.with_orders(one for one in old.ordered if one.id not in keys)
        )
    for key in keys:
        release_order(context, key)


def release_stored_orders(context: Context) -> None:
    """Release the orders of tokens that are stored: a run may create hundreds."""
    stored = context.records.load().authorizations
    for one in [one for one in context.created if one.authorization_id in stored]:
        context.created.remove(one)
        release_order(context, one.order.id)


def release_order(context: Context, key: str) -> None:
    """Leave an order on record for another run."""
    if context.asker.keeps:
        context.records.release(_claim(key))


def abandoned_orders(context: Context, place: Place) -> Iterator[TokenOrder]:
    """The orders of an organization whose runs have died, each claimed until closed or released."""
    if not context.asker.keeps:
        return
    ours = {one.order.id for one in context.created}
    for one in context.records.load().ordered:
        if one.organization.casefold() != place.key or one.id in ours:
            continue
        if not context.records.claim(_claim(one.id)):
            context.voice.note(f"Another run is working on “{clean(one.display_name, 100)}”.")
        elif one in context.records.load().ordered:
            yield one
        else:  # closed by its run since we looked
            release_order(context, one.id)


def _on_record(context: Context, keys: Collection[str]) -> bool:
    return any(one.id in keys for one in context.records.load().ordered)


def _enter(context: Context, *orders: TokenOrder) -> None:
    with context.records.exclusive():
        for one in orders:
            context.records.claim(_claim(one.id))
        context.records.change(lambda old: old.with_orders((*old.ordered, *orders)))


def _claim(key: str) -> str:
    return f"order-{key}"


LIFECYCLE_ORIGIN: Final = Origin("https", "vssps.dev.azure.com", 443)
_PAGES: Final = 50
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class LivingTokens:
    """The living tokens of whoever is signed in, by id.

    ``owner`` is who that is, where Azure DevOps says so.
    """

    pats: dict[str, Pat]
    owner: str


@dataclass(frozen=True, slots=True)
class PatLifecycle:
    """The API for one organization, as plans.

    Each raises ``NotCreatedError`` without a sign-in.
    """

    context: Context
    place: Place
    tenant: str
    calendar: Calendar

    @property
    def credential(self) -> Credential:
        """The sign-in of `az`, bound to the one host that makes tokens."""
        if self.context.entra is None:
            raise NotCreatedError(
                Reason.AZ_ABSENT, "There is no Azure CLI.", remedy="Create the token by hand."
            )
        token = self.context.entra.token(self.tenant)
        return Credential(token, frozenset({LIFECYCLE_ORIGIN}), bearer=True)

    def living(self, order: Order) -> RequestPlan[LivingTokens]:
        """All pages of the living tokens. ``order`` is what an error is about."""
        found: dict[str, Pat] = {}
        more = owner = ""
        for _ in range(_PAGES):
            [reply] = yield [self.context.caller.pats(self.place, self.credential, more)]
            if not isinstance(reply.answer, Pats):
                raise creation_error(reply, order)
            found.update((pat.authorization_id, pat) for pat in reply.answer.pats)
            user = user_of(reply)
            if user is not None:
                owner = user.id
            if reply.answer.more in ("", more):
                break
            more = reply.answer.more
        return LivingTokens(found, owner)

    def create(self, order: Order, owner: str) -> RequestPlan[tuple[Order, Pat]]:
        """Create the token, with a shorter life where a longer one is refused.

        Returns what was ordered in the end, and the token. The order is on record before it is
        sent. A creation whose answer is lost is never sent again before it is known what came of
        it.
        """
        yield from self.context.together(record_orders, (order, owner))
        created = CreatedToken(order, self.tenant)
        self.context.created.append(created)
        try:
            return (yield from self._created(order, created))
        except NotCreatedError as error:
            if error.reason is not Reason.CREATION_UNCERTAIN:
                self.context.created.remove(created)
                close_order(self.context, order.id)
            raise

    def _created(self, order: Order, created: CreatedToken) -> RequestPlan[tuple[Order, Pat]]:
        for left in reversed(range(_ATTEMPTS)):
            for shorter in order.shorter(self.calendar.today):
                reply = yield from self._send(shorter, created)
                if is_uncertain(reply):
                    yield from self._revoke_lost(shorter, reply)
                    break
                beside = token_beside_error(reply)
                if beside is not None:
                    yield from self._revoke_beside(shorter, beside)
                pat = _pat_of(reply)
                if pat is not None:
                    created.authorization_id = pat.authorization_id
                    return shorter, pat
                error = known(pat_error(reply))
                if error is None:
                    raise creation_error(reply, order)
                if error.passing and left:
                    break
                if not error.shorter:
                    raise creation_error(reply, order)
            else:
                raise creation_error(reply, order)
        raise NotCreatedError(
            Reason.CREATION_UNCERTAIN,
            f"Azure DevOps created a token in {self.place.name}, but its value did not arrive. "
            "aspm-ado revoked it.",
            remedy=f"Create the token by hand: {self.place.token_page}",
        )

    def _send(self, order: Order, created: CreatedToken) -> RequestPlan[Reply]:
        call = self.context.caller.create_pat(order, self.credential)
        created.under_way = True
        [reply] = yield [call]
        created.under_way = False
        return reply

    def read(self, authorization_id: str) -> RequestPlan[Pat | None]:
        """A token as it is on the service's record; ``None`` where that could not be read."""
        [reply] = yield [self.context.caller.pat(self.place, authorization_id, self.credential)]
        return _pat_of(reply)

    def revoke(self, *authorization_ids: str) -> RequestPlan[list[bool]]:
        """Revoke tokens; of each, whether it is ended now."""
        caller, credential = self.context.caller, self.credential
        replies = yield [
            caller.revoke_pat(self.place, one, credential) for one in authorization_ids
        ]
        return list(map(is_revoked, replies))

    def revoke_ordered(self, order: Order, key: str = "") -> RequestPlan[list[bool]]:
        """Revoke whatever lives under the name of an order, which is no other token's, or ``key``.

        Of each, whether it is ended.
        """
        living = yield from self.living(order)
        ordered = [
            one
            for one, pat in living.pats.items()
            if one == key or pat.display_name == order.display_name
        ]
        return (yield from self.revoke(*ordered))

    def _revoke_beside(self, order: Order, key: str) -> RequestPlan[None]:
        """Revoke the token that came with an error: it may live, and nothing uses it."""
        name, place = order.display_name, self.place
        what = f"Azure DevOps reported an error in {place.name}, and sent a token with it."
        remedy = f"Look for “{name}” on {place.token_page} and revoke it, if it is there."
        try:
            ended = yield from self.revoke_ordered(order, key)
        except NotCreatedError as error:
            raise NotCreatedError(
                Reason.CREATION_UNCERTAIN,
                f"{what} aspm-ado could not check whether the token is valid. {error.problem}",
                remedy=remedy,
            ) from None
        if not all(ended):
            raise NotCreatedError(
                Reason.CREATION_UNCERTAIN, f"{what} It could not be revoked.", remedy=remedy
            )
        if ended:
            self.context.voice.warn(f"{what} aspm-ado revoked “{name}”.")

    def _revoke_lost(self, order: Order, lost: Reply) -> RequestPlan[None]:
        """Revoke the token whose value did not come, if it was created: nobody has it.

        Returns when it is safe to create again. Raises ``NotCreatedError`` where that cannot be
        known.
        """
        name, place = order.display_name, self.place
        remedy = f"Look for “{name}” on {place.token_page} and revoke it, if it is there."
        try:
            ended = yield from self.revoke_ordered(order)
        except NotCreatedError as error:
            raise NotCreatedError(
                Reason.CREATION_UNCERTAIN,
                f"Azure DevOps may have created a token in {place.name}: its answer was lost, and "
                f"aspm-ado could not check. {error.problem}",
                remedy=remedy,
            ) from None
        if not ended:
            _, problem, _ = explain_inconclusive(lost)
            raise NotCreatedError(
                Reason.CREATION_FAILED,
                f"No new token of {place.name} arrived, and the list of its tokens shows none. "
                f"{problem}",
                remedy=f"Try again. {remedy}",
            )
        if not all(ended):
            raise NotCreatedError(
                Reason.CREATION_UNCERTAIN,
                f"Azure DevOps created a token in {place.name}. Its value did not arrive, and it "
                "could not be revoked.",
                remedy=remedy,
            )
        self.context.voice.warn(
            f"Azure DevOps created “{name}”, but its value did not arrive. aspm-ado revoked it."
        )


def _pat_of(reply: Reply) -> Pat | None:
    """The token of an answer that has one."""
    if isinstance(reply.answer, PatAnswer):
        return reply.answer.pat
    return None


def lifecycle_of(context: Context, place: Place) -> RequestPlan[PatLifecycle]:
    """Find out the tenant of an organization, as anybody can. Raises ``NotCreatedError``."""
    for call in context.caller.tenant(place):
        [reply] = yield [call]
        tenant = tenant_in(reply)
        if tenant == PERSONAL:
            raise NotCreatedError(
                Reason.CREATION_NOT_POSSIBLE,
                f"{place.name} is an organization of personal Microsoft accounts: "
                "it has no Entra tenant.",
                remedy=f"Create the token by hand: {place.token_page}",
            )
        if tenant:
            return PatLifecycle(context, place, tenant, context.clock.calendar(reply))
    raise _no_tenant(place, reply)


def _no_tenant(place: Place, reply: Reply) -> NotCreatedError:
    if reply.status == 404 and reply.header("X-TFS-ProcessId"):
        return NotCreatedError(
            Reason.ORGANIZATION_ABSENT,
            f"There is no organization named {place.name}.",
            remedy="Copy its name from the URL in the browser.",
        )
    kind = classify(reply)
    if kind in (AnswerKind.ANSWER, AnswerKind.SIGN_IN, AnswerKind.REFUSAL, AnswerKind.BARE_REFUSAL):
        return NotCreatedError(
            Reason.TENANT_UNKNOWN,
            f"aspm-ado could not determine the Entra tenant of {place.name} (status "
            f"{reply.status}).",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    reason, problem, remedy = explain_inconclusive(reply)
    return NotCreatedError(reason, problem, remedy=remedy)


def with_entra_tenant(context: Context, places: Sequence[Place]) -> frozenset[str]:
    """The organizations (by key) whose tokens `az` may create. It is not run for that."""

    def tenant_plan(place: Place) -> RequestPlan[str]:
        [reply] = yield context.caller.tenant(place)[:1]
        return tenant_in(reply)

    tenants = context.scheduler.run_all([tenant_plan(place) for place in places])
    found = zip(places, tenants, strict=True)
    return frozenset(place.key for place, tenant in found if tenant not in ("", PERSONAL))


_END_LEFT: Final = Question("revoke-left", "Revoke it now?", "-y", YES.env)


def revoke_abandoned(
    context: Context, service: PatLifecycle, living: LivingTokens
) -> RequestPlan[None]:
    """Revoke what dead runs left in this organization, where a person or ``-y`` agrees.

    What is revoked is taken out of ``living``.
    """
    for order in abandoned_orders(context, service.place):
        kept = context.records.load().authorizations
        orphans = [
            key for key, pat in living.pats.items() if _is_of(order, key, pat) and key not in kept
        ]
        if not orphans and order.owner != living.owner:
            context.voice.note(
                f"An interrupted run ordered “{clean(order.display_name, 100)}” for another person "
                "than the one signed in with `az`. Its owner can look it up: "
                f"{service.place.token_page}"
            )
            release_order(context, order.id)
        elif not orphans or (yield from _revoke_orphans(context, service, order, orphans)):
            for key in orphans:
                del living.pats[key]
            close_order(context, order.id)
        else:
            release_order(context, order.id)
    _show_unrecorded(context, service.place, living)


def _is_of(order: TokenOrder, key: str, pat: Pat) -> bool:
    if order.replaced:
        return key == order.authorization_id
    return pat.display_name == order.display_name


def _revoke_orphans(
    context: Context, service: PatLifecycle, order: TokenOrder, orphans: Sequence[str]
) -> RequestPlan[bool]:
    name = clean(order.display_name, 100)
    what = "did not store it: nobody has its value"
    if order.replaced:
        what = "did not revoke it"
    context.voice.warn(f"A run that was interrupted ({order.at}) left “{name}”, and {what}.")
    agreed = context.asker.switch(YES) or (
        context.asker.asks and context.asker.prompter.confirm(_END_LEFT, default=True)
    )
    if agreed and all((yield from service.revoke(*orphans))):
        context.voice.say(f"“{name}” is revoked.")
        return True
    became = "could not be revoked" if agreed else "is still valid"
    context.voice.warn(
        f"“{name}” {became}. The next run asks again. Its page: {service.place.token_page}"
    )
    return False


def _show_unrecorded(context: Context, place: Place, living: LivingTokens) -> None:
    """Name living tokens that look like ours and are not on record: another machine's, or lost."""
    catalogue = context.records.load()
    ours = {one.display_name for one in catalogue.ordered}
    ours |= {one.order.display_name for one in context.created}
    found = sorted(
        clean(pat.display_name, 100)
        for key, pat in living.pats.items()
        if is_our_name(pat.display_name, place)
        and key not in catalogue.authorizations
        and pat.display_name not in ours
    )
    if not found:
        return
    names = ", ".join(f"“{name}”" for name in found[:3])
    if len(found) > 3:
        names += f" and {len(found) - 3} more"
    context.voice.note(
        f"aspm-ado created valid tokens for {place.name} that are not on record here: {names}. "
        f"If no other machine uses them, revoke them: {place.token_page}"
    )

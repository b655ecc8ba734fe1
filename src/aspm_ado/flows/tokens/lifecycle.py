"""What was ordered, on record from before it is sent: a run that is killed leaves word of the token that it made."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.pat_errors import (
    PERSONAL,
    is_revoked,
    is_uncertain,
    known,
    pat_error,
    tenant_in,
    why_not,
)
from aspm_ado.domain.azure.pat_lifecycle import Made, is_our_name
from aspm_ado.domain.documents import Pat, PatAnswer, Pats
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.http import Credential, Origin
from aspm_ado.domain.questions import YES, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.classify import AnswerKind, classify, explain_inconclusive, user_of
from aspm_ado.domain.stored import TokenOrder
from aspm_ado.domain.text import clean
from aspm_ado.flows.tokens import lifecycle as ledger

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.azure.pat_lifecycle import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.stored import Catalogue, StoredCredential
    from aspm_ado.flows.context import Context


def begin(context: Context, order: Order, owner: str) -> None:
    """Put an order on record, and say that this run is at it. Raises ``StoreError``: then it is not sent.

    Where nothing is stored, the orders are not, either.
    """
    if not context.asker.keeps:
        return
    _enter(
        context, TokenOrder(order.id, order.place.name, order.display_name, owner, context.stamp)
    )


def replacing(context: Context, place: Place, old: StoredCredential) -> None:
    """Put on record that a token which was made here is about to be replaced, and is then to be revoked."""
    key = old.authorization_id
    if not key or any(one.id == key for one in context.records.load().ordered):
        return
    name, owner = f"the old token …{old.last4}", old.identity_id.lower()
    _enter(context, TokenOrder(key, place.name, name, owner, context.stamp, key, replaced=True))


def answered(context: Context, order: Order, authorization_id: str) -> None:
    """The id of the token that came of an order: what puts it on record takes the order off, in one replace."""
    _edit(context, order.id, lambda one: (replace(one, authorization_id=authorization_id),))


def close(context: Context, key: str) -> None:
    """An order of which nothing is left to be done."""
    _edit(context, key, lambda _: ())
    release(context, key)


def release(context: Context, key: str) -> None:
    """Say that this run is not at it any more; the order stays as it is on record."""
    if context.asker.keeps:
        context.records.release(_claim(key))


def abandoned(context: Context, place: Place) -> Iterator[TokenOrder]:
    """The orders for an organization whose runs are no more; this run is at each, until it is closed or released."""
    ours = {made.order.id for made in context.made}
    for one in context.records.load().ordered if context.asker.keeps else ():
        if one.organization.casefold() != place.key or one.id in ours:
            continue
        if not context.records.claim(_claim(one.id)):
            context.voice.note(f"Another run is at “{clean(one.display_name, 100)}” just now.")
        elif one in context.records.load().ordered:
            yield one
        else:  # closed by its run since we looked
            release(context, one.id)


def _enter(context: Context, one: TokenOrder) -> None:
    context.records.claim(_claim(one.id))
    context.records.change(lambda catalogue: replace(catalogue, ordered=(*catalogue.ordered, one)))


def _edit(
    context: Context, key: str, become: Callable[[TokenOrder], tuple[TokenOrder, ...]]
) -> None:
    if not context.asker.keeps or not any(one.id == key for one in context.records.load().ordered):
        return

    def edit(catalogue: Catalogue) -> Catalogue:
        found = [become(one) if one.id == key else (one,) for one in catalogue.ordered]
        return replace(catalogue, ordered=tuple(one for each in found for one in each))

    context.records.change(edit)


def _claim(key: str) -> str:
    return f"order-{key}"


LIFECYCLE_ORIGIN: Final = Origin("https", "vssps.dev.azure.com", 443)
_PAGES: Final = 50
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class Living:
    """The living tokens of whoever is signed in, by id; and who that is, where Azure DevOps says so."""

    pats: dict[str, Pat]
    owner: str


@dataclass(frozen=True, slots=True)
class Counter:
    """Where tokens of one organization are made, by whoever is signed in with `az`."""

    context: Context
    place: Place
    tenant: str
    calendar: Calendar

    @property
    def credential(self) -> Credential:
        """The sign-in of `az`, bound to the one host that makes tokens. Raises ``NotCreatedError``."""
        if self.context.entra is None:
            raise NotCreatedError(
                Reason.AZ_ABSENT, "There is no Azure CLI.", remedy="Create the token by hand."
            )
        return Credential(
            self.context.entra.token(self.tenant), frozenset({LIFECYCLE_ORIGIN}), bearer=True
        )

    def living(self, order: Order) -> Living:
        """The living tokens of whoever is signed in."""
        found: dict[str, Pat] = {}
        more = owner = ""
        for _ in range(_PAGES):
            reply = ask(self.context, self.context.caller.pats(self.place, self.credential, more))
            if not isinstance(reply.answer, Pats):
                raise why_not(reply, order)
            found.update((pat.authorization_id, pat) for pat in reply.answer.pats)
            owner = user.id if (user := user_of(reply)) else owner
            if not reply.answer.more or reply.answer.more == more:
                break
            more = reply.answer.more
        return Living(found, owner)

    def make(self, order: Order, owner: str) -> tuple[Order, Pat]:
        """Create the token, with a shorter life where a longer one is refused; what was ordered then, and the token.

        The order is on record before it is sent, and ours to look after from then on. A creation whose answer is lost
        is never sent again before it is known what came of it.
        """
        ledger.begin(self.context, order, owner)
        made = Made(order, self.tenant)
        self.context.made.append(made)
        try:
            return self._sent(order, made)
        except NotCreatedError as error:
            if error.reason is not Reason.CREATION_UNCERTAIN:
                self.context.made.remove(made)
                ledger.close(self.context, order.id)
            raise

    def _sent(self, order: Order, made: Made) -> tuple[Order, Pat]:
        for left in reversed(range(_ATTEMPTS)):
            for wanted in order.shorter(self.calendar.today):
                call = self.context.caller.create_pat(wanted, self.credential)
                made.under_way = True
                reply = ask(self.context, call)
                made.under_way = False
                if is_uncertain(reply):
                    self._undo_lost(wanted, reply)
                    break
                if isinstance(reply.answer, PatAnswer) and (pat := reply.answer.pat) is not None:
                    made.authorization_id = pat.authorization_id
                    ledger.answered(self.context, order, pat.authorization_id)
                    return wanted, pat
                row = known(pat_error(reply))
                if row is not None and row.passing and left:
                    break
                if row is None or not row.shorter:
                    raise why_not(reply, order)
            else:
                raise why_not(reply, order)
        raise NotCreatedError(
            Reason.CREATION_UNCERTAIN,
            f"A token was created in {self.place.name}, but its value did not arrive. It is revoked again.",
            remedy=f"Create the token by hand: {self.place.token_page}",
        )

    def granted(self, pat: Pat) -> Pat | None:
        """The token as it is on the service's record; ``None`` where that could not be read."""
        reply = ask(
            self.context, self.context.caller.pat(self.place, pat.authorization_id, self.credential)
        )
        return reply.answer.pat if isinstance(reply.answer, PatAnswer) else None

    def revoke(self, authorization_id: str) -> bool:
        """End a token; whether it is ended now. Raises ``NotCreatedError`` where `az` gives no sign-in."""
        return is_revoked(
            ask(
                self.context,
                self.context.caller.revoke_pat(self.place, authorization_id, self.credential),
            )
        )

    def end_all(self, order: Order) -> list[bool]:
        """Revoke whatever lives under the name of an order; of each, whether it is ended. The name is no other's."""
        ours = [
            key
            for key, pat in self.living(order).pats.items()
            if pat.display_name == order.display_name
        ]
        return [self.revoke(key) for key in ours]

    def _undo_lost(self, order: Order, lost: Reply) -> None:
        """Look whether the token was created although its value did not come; it is revoked, since nobody has it.

        Returns when it is safe to create again. Raises ``NotCreatedError`` where that cannot be known.
        """
        where = f"Look for “{order.display_name}” on {self.place.token_page} and revoke it, if it is there."
        try:
            ended = self.end_all(order)
        except NotCreatedError as error:
            raise NotCreatedError(
                Reason.CREATION_UNCERTAIN,
                f"Whether the token was created in {self.place.name} is not known: the answer was lost, and so was the "
                f"one to the question after it. {error.problem}",
                remedy=where,
            ) from None
        if ended and all(ended):
            self.context.voice.warn(
                f"The token “{order.display_name}” was created, but its value did not arrive. It is revoked again."
            )
            return
        if ended:
            problem = f"A token was created in {self.place.name}, its value did not arrive, and it could not be revoked."
            raise NotCreatedError(Reason.CREATION_UNCERTAIN, problem, remedy=where)
        _, problem, _ = explain_inconclusive(lost, classify(lost))
        raise NotCreatedError(
            Reason.CREATION_FAILED,
            f"{self.place.name} has no token of ours: the request did not get through. {problem}",
            remedy=f"Try again. {where}",
        )


def counter(context: Context, place: Place) -> Counter:
    """Find out the tenant of an organization, as anybody can. Raises ``NotCreatedError``."""
    calls = context.caller.tenant(place)
    reply = ask(context, calls[0])
    if not (tenant := tenant_in(reply)):
        reply = ask(context, calls[1])
        tenant = tenant_in(reply)
    if tenant == PERSONAL:
        raise NotCreatedError(
            Reason.CREATION_NOT_POSSIBLE,
            f"{place.name} is an organization of personal Microsoft accounts: it has no Entra tenant.",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    if tenant:
        return Counter(context, place, tenant, context.clock.calendar(reply))
    if reply.status == 404 and reply.header("X-TFS-ProcessId"):
        raise NotCreatedError(
            Reason.ORGANIZATION_ABSENT,
            f"There is no organization named {place.name}.",
            remedy="Copy its name from the address in the browser.",
        )
    kind = classify(reply)
    if kind in (AnswerKind.ANSWER, AnswerKind.SIGN_IN, AnswerKind.REFUSAL, AnswerKind.BARE_REFUSAL):
        raise NotCreatedError(
            Reason.TENANT_UNKNOWN,
            f"Which Entra tenant {place.name} belongs to could not be found out (status {reply.status}).",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    reason, problem, remedy = explain_inconclusive(reply, kind)
    raise NotCreatedError(reason, problem, remedy=remedy)


def of_tenants(context: Context, places: Sequence[Place]) -> frozenset[str]:
    """Those of the organizations (by key) whose tokens `az` may make: with an Entra tenant. It is not run for that."""

    def errand(place: Place) -> Generator[Sequence[Call], Sequence[Reply], str]:
        replies = yield context.caller.tenant(place)[:1]
        tenant = tenant_in(replies[0])
        return place.key if tenant and tenant != PERSONAL else ""

    return frozenset(context.scheduler.run_all([errand(place) for place in places])) - {""}


def ask(context: Context, call: Call) -> Reply:
    """One call and its reply."""

    def errand() -> Generator[Sequence[Call], Sequence[Reply], Reply]:
        [reply] = yield [call]
        return reply

    return context.scheduler.run(errand())


def days(order: Order, today: date) -> int:
    """How long the token will live."""
    return (order.until - today).days


END_LEFT: Final = Question("revoke-left", "Revoke it now?", "-y", YES.env)


def clear_left(context: Context, desk: Counter, living: Living) -> None:
    """End the tokens that dead runs left in this organization, where that is agreed to (``-y``, or a person's yes)."""
    for one in ledger.abandoned(context, desk.place):
        name, kept = clean(one.display_name, 100), context.records.load().authorizations
        orphans = [
            key for key, pat in living.pats.items() if _is_meant(one, key, pat) and key not in kept
        ]
        if not orphans and one.owner != living.owner:
            context.voice.note(
                f"“{name}” is left of an interrupted run, and is not of whoever is signed in with `az` now: whether it "
                f"lives only its owner can see, on {desk.place.token_page}"
            )
            ledger.release(context, one.id)
        elif not orphans or _end_leftover(context, desk, one, orphans):
            for key in orphans:
                del living.pats[key]
            ledger.close(context, one.id)
        else:
            ledger.release(context, one.id)
    _tell_strangers(context, desk, living)


def _is_meant(one: TokenOrder, key: str, pat: Pat) -> bool:
    return key == one.authorization_id if one.replaced else pat.display_name == one.display_name


def _end_leftover(context: Context, desk: Counter, one: TokenOrder, orphans: list[str]) -> bool:
    name = clean(one.display_name, 100)
    what = (
        "did not come to revoking it" if one.replaced else "could not keep it: nobody has its value"
    )
    context.voice.warn(f"“{name}” is left of a run that was interrupted ({one.at}), and {what}.")
    agreed = context.asker.switch(YES) or (
        context.asker.asks and context.asker.prompter.confirm(END_LEFT, default=True)
    )
    if agreed and all(desk.revoke(key) for key in orphans):
        context.voice.say(f"“{name}” is revoked.")
        return True
    told = "could not be revoked" if agreed else "still lives"
    context.voice.warn(
        f"“{name}” {told}. The next run asks again; its page is {desk.place.token_page}"
    )
    return False


def _tell_strangers(context: Context, desk: Counter, living: Living) -> None:
    """Living tokens that look like ours and are not on record here: another machine's, or nobody's."""
    catalogue = context.records.load()
    known = {one.display_name for one in catalogue.ordered} | {
        made.order.display_name for made in context.made
    }
    found = sorted(
        clean(pat.display_name, 100)
        for key, pat in living.pats.items()
        if is_our_name(pat.display_name, desk.place)
        and key not in catalogue.authorizations
        and pat.display_name not in known
    )
    if found:
        named = ", ".join(f"“{name}”" for name in found[:3]) + (
            f" and {len(found) - 3} more" if found[3:] else ""
        )
        context.voice.note(
            f"Living tokens that aspm-ado made for {desk.place.name}, and that are not on record here: {named}. If no "
            f"other machine uses them, revoke them: {desk.place.token_page}"
        )

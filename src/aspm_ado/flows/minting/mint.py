"""The conversation with the PAT Lifecycle API: create once, notice what is lost, read what was granted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.answers import Pat, PatAnswer, Pats
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.entra import PERSONAL, tenant_in
from aspm_ado.domain.errors import NotCreatedError
from aspm_ado.domain.exchange import Credential
from aspm_ado.domain.judgement.lifecycle import is_revoked, is_uncertain, pat_error, why_not
from aspm_ado.domain.judgement.saying import Saying, saying, unheard, user_of
from aspm_ado.domain.lifecycle import Made
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.pat_errors import known
from aspm_ado.domain.reasons import Reason
from aspm_ado.flows.minting import ledger

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.exchange import Call, Reply
    from aspm_ado.domain.lifecycle import Order
    from aspm_ado.domain.place import Place
    from aspm_ado.domain.retirement import Calendar
    from aspm_ado.flows.house import House

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

    house: House
    place: Place
    tenant: str
    calendar: Calendar

    @property
    def credential(self) -> Credential:
        """The sign-in of `az`, bound to the one host that makes tokens. Raises ``NotCreatedError``."""
        if self.house.entra is None:
            raise NotCreatedError(
                Reason.AZ_ABSENT, "There is no Azure CLI.", remedy="Create the token by hand."
            )
        return Credential(
            self.house.entra.token(self.tenant), frozenset({LIFECYCLE_ORIGIN}), bearer=True
        )

    def living(self, order: Order) -> Living:
        """The living tokens of whoever is signed in."""
        found: dict[str, Pat] = {}
        more = owner = ""
        for _ in range(_PAGES):
            reply = ask(self.house, self.house.caller.pats(self.place, self.credential, more))
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
        ledger.begin(self.house, order, owner)
        made = Made(order, self.tenant)
        self.house.made.append(made)
        try:
            return self._sent(order, made)
        except NotCreatedError as error:
            if error.reason is not Reason.CREATION_UNCERTAIN:
                self.house.made.remove(made)
                ledger.close(self.house, order.id)
            raise

    def _sent(self, order: Order, made: Made) -> tuple[Order, Pat]:
        for left in reversed(range(_ATTEMPTS)):
            for wanted in order.shorter(self.calendar.today):
                call = self.house.caller.create_pat(wanted, self.credential)
                made.under_way = True
                reply = ask(self.house, call)
                made.under_way = False
                if is_uncertain(reply):
                    self._undo_lost(wanted, reply)
                    break
                if isinstance(reply.answer, PatAnswer) and (pat := reply.answer.pat) is not None:
                    made.authorization_id = pat.authorization_id
                    ledger.answered(self.house, order, pat.authorization_id)
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
            self.house, self.house.caller.pat(self.place, pat.authorization_id, self.credential)
        )
        return reply.answer.pat if isinstance(reply.answer, PatAnswer) else None

    def revoke(self, authorization_id: str) -> bool:
        """End a token; whether it is ended now. Raises ``NotCreatedError`` where `az` gives no sign-in."""
        return is_revoked(
            ask(
                self.house,
                self.house.caller.revoke_pat(self.place, authorization_id, self.credential),
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
            self.house.voice.warn(
                f"The token “{order.display_name}” was created, but its value did not arrive. It is revoked again."
            )
            return
        if ended:
            problem = f"A token was created in {self.place.name}, its value did not arrive, and it could not be revoked."
            raise NotCreatedError(Reason.CREATION_UNCERTAIN, problem, remedy=where)
        _, problem, _ = unheard(lost, saying(lost))
        raise NotCreatedError(
            Reason.CREATION_FAILED,
            f"{self.place.name} has no token of ours: the request did not get through. {problem}",
            remedy=f"Try again. {where}",
        )


def counter(house: House, place: Place) -> Counter:
    """Find out the tenant of an organization, as anybody can. Raises ``NotCreatedError``."""
    calls = house.caller.tenant(place)
    reply = ask(house, calls[0])
    if not (tenant := tenant_in(reply)):
        reply = ask(house, calls[1])
        tenant = tenant_in(reply)
    if tenant == PERSONAL:
        raise NotCreatedError(
            Reason.CREATION_NOT_POSSIBLE,
            f"{place.name} is an organization of personal Microsoft accounts: it has no Entra tenant.",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    if tenant:
        return Counter(house, place, tenant, house.clock.told_by(reply))
    if reply.status == 404 and reply.header("X-TFS-ProcessId"):
        raise NotCreatedError(
            Reason.ORGANIZATION_ABSENT,
            f"There is no organization named {place.name}.",
            remedy="Copy its name from the address in the browser.",
        )
    kind = saying(reply)
    if kind in (Saying.ANSWER, Saying.SIGN_IN, Saying.REFUSAL, Saying.BARE_REFUSAL):
        raise NotCreatedError(
            Reason.TENANT_UNKNOWN,
            f"Which Entra tenant {place.name} belongs to could not be found out (status {reply.status}).",
            remedy=f"Create the token by hand: {place.token_page}",
        )
    reason, problem, remedy = unheard(reply, kind)
    raise NotCreatedError(reason, problem, remedy=remedy)


def of_tenants(house: House, places: Sequence[Place]) -> frozenset[str]:
    """Those of the organizations (by key) whose tokens `az` may make: with an Entra tenant. It is not run for that."""

    def errand(place: Place) -> Generator[Sequence[Call], Sequence[Reply], str]:
        replies = yield house.caller.tenant(place)[:1]
        tenant = tenant_in(replies[0])
        return place.key if tenant and tenant != PERSONAL else ""

    return frozenset(house.crew.conduct([errand(place) for place in places])) - {""}


def ask(house: House, call: Call) -> Reply:
    """One call and its reply."""

    def errand() -> Generator[Sequence[Call], Sequence[Reply], Reply]:
        [reply] = yield [call]
        return reply

    return house.crew.run(errand())


def days(order: Order, today: date) -> int:
    """How long the token will live."""
    return (order.until - today).days

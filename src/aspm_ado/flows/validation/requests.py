"""The requests about one token, whose answers fill its result.

Two round trips decide one organization. The first asks for the owner and the reach of the token; if
it shows a rejected token or no service, nothing follows (``start``, ``identify``). The second sends
all scope probes (``explore``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import API_VERSIONS, NamedRepository
from aspm_ado.domain.azure.scopes import Probe, highest_probes, probes_for
from aspm_ado.domain.documents import Names, Projects, Repositories, Repository, UserProfile
from aspm_ado.domain.http import Call, Credential, Reply
from aspm_ado.domain.reasons import BUG_REMEDY, Problem, Reason, Status, UserError, bug_words
from aspm_ado.domain.rules.access import judge_open
from aspm_ado.domain.rules.classify import (
    INCONCLUSIVE,
    AnswerKind,
    classify,
    offers_windows_sign_in,
    profile_owner,
    server_version,
    without_body,
)
from aspm_ado.domain.rules.clone import (
    CloneOutcome,
    clone_inconclusive,
    clone_outcome,
    clone_refused,
    clone_skipped,
    judge_clone,
    refused_all,
    rejects_credential,
    repository_disabled,
    repository_elsewhere,
    with_sign_in,
)
from aspm_ado.domain.rules.reach import not_listed
from aspm_ado.domain.rules.scopes import ProbeResult, judge_probe, judge_scopes, reads_code
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.answers import AUTO, NO
from aspm_ado.flows.validation.scheduler import RequestPlan
from aspm_ado.flows.validation.token import OrganizationResult, TokenResult

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.azure.requests import Caller
    from aspm_ado.domain.azure.retirement import Clock
    from aspm_ado.domain.documents import Identity
    from aspm_ado.domain.report import Check


_PAUSES: Final = (0.5, 1.0)
"""Seconds before the list is requested again."""

NOT_ALL: Final = (
    "Azure DevOps may not have listed every organization. To add a missing one, pass -o NAME."
)


def list_accounts(call: Call) -> RequestPlan[Reply]:
    """The answer to ``call`` with the names of three answers, which may differ.

    Unchanged if it is no list. Source: facts, changes 4 (4, 1 and 2 organizations in three
    calls within minutes).
    """
    [first] = yield [call]
    if not isinstance(first.answer, Names):
        return first
    again = yield [replace(call, pause=seconds) for seconds in _PAUSES]
    lists = [one.answer for one in (first, *again) if isinstance(one.answer, Names)]
    once = {name.casefold(): name for one in reversed(lists) for name in reversed(one.names)}
    left_off = max(one.left_off for one in lists)
    return first.answering(Names(tuple(reversed(once.values())), left_off))


def profile_and_list(
    caller: Caller, site: Site, credential: Credential
) -> RequestPlan[tuple[Reply, Reply]]:
    """The profile of an owner, and their organizations; the same twice, if it names nobody."""
    [profile] = yield [caller.profile(site, credential)]
    if not isinstance(profile.answer, UserProfile):
        return profile, profile
    call = caller.accounts(profile.answer.identity.id, site, credential)
    return profile, (yield from list_accounts(call))


OTHERS_ASKED: Final = 8
"""Further organizations to ask about a token that the first one rejects without a reason."""

MOST_REQUESTS: Final = 11
"""For one organization before the clone check.

A purpose with more probes sends the highest level per scope first.
"""

PROJECTS_TRIED: Final = 10
"""Projects of the first page to search for a repository, one after the other."""

REPOSITORIES_TRIED: Final = 8
"""Listed repositories to try while none can be read."""

_TRUE_EVERYWHERE: Final = (AnswerKind.NO_ANSWER, AnswerKind.EXPIRED)
"""First answers that also apply to the token in every other organization."""

_DIED: Final = frozenset({AnswerKind.REFUSAL, AnswerKind.EXPIRED, AnswerKind.SIGN_IN})
"""Answers to a probe that concern the token, not a scope: it may have been revoked meanwhile."""


class TokenRequests:
    """Fills the result of one token.

    ``previous`` is an earlier one: what passed in it is not requested again.
    """

    def __init__(
        self, result: TokenResult, caller: Caller, clock: Clock, previous: TokenResult | None
    ) -> None:
        self.result, self._caller, self._clock = result, caller, clock
        self._previous = previous
        self._token = result.token
        self._site = result.token.site
        self._credential = result.token.bound()
        self._username_in_flight = self._username_rejected = False

    def start(self) -> RequestPlan[TokenRequests]:
        """Send the first calls, and return the requests to go on with.

        If the URL of a Server leads nowhere, they are those of its other reading, unless that leads
        nowhere, too.
        """
        yield from self._first_round()
        if self._site.other_reading is None or not self.result.is_nowhere:
            return self
        found = TokenResult(self._token.read_otherwise(), self.result.calendar)
        other = TokenRequests(found, self._caller, self._clock, None)
        yield from other._first_round()
        if found.is_nowhere:
            return self
        return other

    @property
    def due(self) -> list[OrganizationResult]:
        """The organizations to explore."""
        return [here for here in self.result.organizations.values() if not here.unasked]

    def identify(self) -> RequestPlan[None]:
        """Ask what the first calls left open about the token."""
        yield from self._ask_other_organizations()
        yield from self._version_elsewhere()

    def _first_round(self) -> RequestPlan[None]:
        result, caller = self.result, self._caller
        services = self._site.deployment is Deployment.SERVICES
        result.add(self._token.places)
        lead = result.lead
        if services:
            wide = caller.profile(self._site, self._credential)
        else:
            wide = caller.collections(self._site, self._credential)
        replies = list((yield [*self._first_calls(lead), wide]))
        result.wide = replies.pop()
        if isinstance(result.wide.answer, Names):
            result.listed = self._places(result.wide)
        if self._token.list_all:
            yield from self._list(result.wide)
            if lead is None and result.lead is not None:
                lead = result.lead
                replies = list((yield self._first_calls(lead)))
        result.calendar = self._clock.calendar(*replies, result.wide)
        result.version = API_VERSIONS[0]
        if not services:
            self._learn_version(replies[1] if len(replies) > 1 else None)
        self._keep_what_was_good()
        if lead is not None:
            lead.first = replies[0]
            is_unread = replies[0].failure is Reason.ANSWER_UNREADABLE
            if classify(replies[0]) in _TRUE_EVERYWHERE and not is_unread:
                self._take_first_answer(self._others(), replies[0])

    def _list(self, wide: Reply) -> RequestPlan[None]:
        """Add every organization that the token can access to the named ones."""
        result, lister = self.result, wide
        if owner := profile_owner(wide):
            lister = yield from list_accounts(self._accounts(owner))
            result.listed = self._places(lister)
        result.add(result.listed or ())
        if not result.listed:
            result.unlisted = not_listed(lister, self._site.deployment)

    def _first_calls(self, lead: OrganizationResult | None) -> list[Call]:
        """The first calls to the first organization; a Server is asked for its version too."""
        if lead is None:
            return []
        calls = [self._who(lead)]
        if self._site.deployment is Deployment.SERVER:
            calls.append(self._caller.version(lead.place, self._credential))
        return calls

    def _places(self, reply: Reply) -> tuple[Place, ...] | None:
        """The places in an answer, if it is a list."""
        if not isinstance(reply.answer, Names):
            return None
        self.result.left_off = reply.answer.left_off
        return tuple(map(self._site.place, reply.answer.names))

    def _who(self, here: OrganizationResult) -> Call:
        return self._caller.connection_data(here.place, self._credential)

    def _accounts(self, owner: Identity) -> Call:
        return self._caller.accounts(owner.id, self._site, self._credential)

    def _others(self) -> list[OrganizationResult]:
        """All organizations but the first."""
        return list(self.result.organizations.values())[1:]

    def _ask_other_organizations(self) -> RequestPlan[None]:
        """Ask other organizations for the owner, if the first gave a bare refusal.

        That may mean a rejected token or a token of another organization. If none of them accepts
        it, the token is rejected, and further ones are skipped.
        """
        lead = self.result.lead
        if lead is None or lead.first is None or not self._is_rejected(lead):
            return
        others = self._others()
        asked = [here for here in others if not here.unasked][:OTHERS_ASKED]
        if not asked:
            return
        replies = yield [self._who(here) for here in asked]
        for here, reply in zip(asked, replies, strict=True):
            here.first = reply
        if all(map(self._is_rejected, asked)):
            self._take_first_answer(others[len(asked) :], lead.first)

    def _is_rejected(self, here: OrganizationResult) -> bool:
        """Whether the first answer here rejects the token itself."""
        return here.first is not None and self.result.access(here.place, here.first).is_rejected

    def _version_elsewhere(self) -> RequestPlan[None]:
        """Ask another collection for the version, if the first rejects the token."""
        result = self.result
        lead = result.lead
        if lead is None or lead.first is None or self._site.deployment is Deployment.SERVICES:
            return
        if result.access(lead.place, lead.first).is_accepted:
            return
        for here in self._others():
            may_be_in = here.first is None or result.access(here.place, here.first).is_accepted
            if may_be_in and not here.unasked:
                [told] = yield [self._caller.version(here.place, self._credential)]
                self._learn_version(told)
                return

    def _learn_version(self, told: Reply | None) -> None:
        """Take the version that a Server names; where it names none, ask as the oldest is asked."""
        named = server_version(told)
        self.result.version = named or API_VERSIONS[-1]
        self.result.unversioned = None if named else told

    def _take_first_answer(
        self, organizations: Sequence[OrganizationResult], answer: Reply
    ) -> None:
        """Skip these organizations: the first answer also applies here."""
        for here in organizations:
            here.unasked, here.first = True, answer
            here.access = self.result.access(here.place, answer)

    def give_up(self, here: OrganizationResult | None, error: Exception) -> None:
        """Report an unexpected error in its organization, without ending the others.

        Without ``here``, it belongs to the first one, or to all if even the version is unknown.
        Raises it if there is no organization to report it in.
        """
        organizations = list(self.result.organizations.values())
        if here is not None:
            organizations = [here]
        elif self.result.version:
            del organizations[1:]
        if not organizations:
            raise error
        problem = Problem(Reason.ANSWER_UNREADABLE, bug_words(error), BUG_REMEDY)
        if isinstance(error, UserError):
            problem = Problem.of(error)
        asked = Call("GET", self._site.base_url)
        answer = Reply(asked).failed(Reason.ANSWER_UNREADABLE, problem.problem, problem.remedy)
        for one in organizations:
            one.replies, one.scopes, one.clone = {}, (), ()
        self._take_first_answer(organizations, answer)

    def _keep_what_was_good(self) -> None:
        """Copy the answers that passed, so that only the failed ones are requested again."""
        before = self._previous
        if before is None:
            return
        for key, here in self.result.organizations.items():
            was = before.organizations.get(key)
            if was is None:
                continue
            held = _granted(was, before)
            here.replies = {name: reply for name, reply in was.replies.items() if name in held}
            here.control = was.control
            if any(check.status is Status.PASS for check in was.clone):
                here.clone, here.repository = was.clone, was.repository
        self.result.listed = self.result.listed or before.listed

    def explore(self, here: OrganizationResult, clone: str | NamedRepository) -> RequestPlan[None]:
        """Check one organization: access, scopes, and the repository in ``clone``."""
        result, demand = self.result, self._token.demand
        if here.first is None:
            yield from self._ask_who(here)
        else:
            here.access = result.access(here.place, here.first)
        if not here.is_accepted or (identity := here.identity) is None:
            return
        deployment = self._site.deployment
        probes = probes_for(demand.purpose, deployment, result.version, read_only=demand.read_only)
        held = yield from self._probe_scopes(here, probes, identity.id)
        if here.control is not None and result.scope_context(here).is_open:
            here.access, result.wide = judge_open(here.place, here.control), None
            return
        here.scopes = judge_scopes(here.replies, probes, result.scope_context(here))
        if _may_have_died(list(here.replies.values()), here.scopes):
            is_accepted = yield from self._ask_who(here, again=True)
            if not is_accepted:
                here.scopes = ()
                return
        # What was read to its end is kept without its body: of thousands of answers these would be
        # most of the memory.
        if here.first is not None:
            here.first = here.first.with_text("")
        here.replies |= {name: without_body(here.replies[name]) for name in held}
        if not here.clone:
            yield from self._try_clone(here, clone)

    def _ask_who(self, here: OrganizationResult, *, again: bool = False) -> RequestPlan[bool]:
        """Ask for the owner here. Return whether the token is accepted.

        ``again``: it was accepted in this run. What was answered elsewhere before is out of date.
        """
        [here.first] = yield [self._who(here)]
        here.access = self.result.access(here.place, here.first, is_late=again)
        return here.is_accepted

    def _probe_scopes(
        self, here: OrganizationResult, probes: tuple[Probe, ...], me: str
    ) -> RequestPlan[set[str]]:
        """Probe each scope. Return the granted probes of the first wave.

        All levels are probed at once, or the highest first if that were too many requests.
        """
        beside = 3
        if self._site.deployment is Deployment.SERVER:
            beside = 4
        wave = probes
        if len(probes) + beside > MOST_REQUESTS:
            wave = highest_probes(probes)
        yield from self._probe(here, wave, me, lead=here is self.result.lead)
        held = _granted(here, self.result)
        reached = {probe.scope for probe in wave if probe.name in held}
        asked = set(here.replies)
        below = [one for one in probes if one.name not in asked and one.scope not in reached]
        if below:
            yield from self._probe(here, below, me, lead=False)
        return held

    def _probe(
        self, here: OrganizationResult, probes: Sequence[Probe], me: str, *, lead: bool
    ) -> RequestPlan[None]:
        """One round trip of probes, with other requests that can go along."""
        due = [probe for probe in probes if probe.name not in here.replies]
        calls = [self._probe_call(here, probe, me, self._credential) for probe in due]
        control = self._control(here, probes, me)
        accounts = self._accounts_unasked(lead=lead)
        calls += [*control, *accounts]
        if not calls:
            return
        replies = iter((yield calls))
        for probe in due:
            here.replies[probe.name] = next(replies)
        for _ in control:
            here.control = next(replies)
        for _ in accounts:
            self.result.listed = self._places(next(replies))

    def _control(self, here: OrganizationResult, probes: Sequence[Probe], me: str) -> list[Call]:
        """The request with a random token, on a Server."""
        if self._site.deployment is not Deployment.SERVER or here.control or not probes:
            return []
        nobody = Credential(
            Secret(self._caller.fresh().replace("-", ""), made_up=True), self._site.origins
        )
        return [self._probe_call(here, probes[0], me, nobody)]

    def _accounts_unasked(self, *, lead: bool) -> list[Call]:
        """The request for the owner's organizations, unless it was sent before."""
        wide = self.result.wide
        if not lead or wide is None or self.result.listed is not None:
            return []
        owner = profile_owner(wide)
        if owner is None:
            return []
        return [self._accounts(owner)]

    def _probe_call(
        self, here: OrganizationResult, probe: Probe, me: str, credential: Credential
    ) -> Call:
        return self._caller.probe(here.place, probe, self.result.version, me, credential)

    def _try_clone(
        self, here: OrganizationResult, choice: str | NamedRepository
    ) -> RequestPlan[None]:
        """Fill ``clone`` and ``repository`` of one organization."""
        if not self._token.demand.purpose.reads_code:
            here.clone = clone_skipped(
                "Skipped: the issue manager does not clone.", Reason.NOT_WANTED
            )
        elif choice == NO:
            here.clone = clone_skipped("Skipped, as requested.", Reason.NOT_WANTED)
        elif not reads_code(here.scopes):
            here.clone = clone_skipped("Skipped: the Code scope did not pass.")
        elif choice == AUTO:
            yield from self._clone_any(here)
        elif isinstance(choice, NamedRepository):
            yield from self._clone_named(here, choice)

    def _clone_named(self, here: OrganizationResult, named: NamedRepository) -> RequestPlan[None]:
        """Try the named repository. Its project's list shows whether it is disabled."""
        repository = named.at(here.place)
        if repository is None:
            here.clone = repository_elsewhere(str(named), here.place)
            return
        yield from self._clone(here, repository, asked_for=True)
        if here.clone[0].reason is not Reason.REPOSITORY_ABSENT:
            return
        [reply] = yield [
            self._caller.repositories(
                here.place, repository.project, API_VERSIONS[-1], self._credential
            )
        ]
        if not isinstance(reply.answer, Repositories):
            return
        name = repository.name.casefold()
        listed = [one for one in reply.answer.repositories if one.name.casefold() == name]
        if listed and not listed[0].enabled:
            here.clone = repository_disabled(repository, reply)

    def _clone_any(self, here: OrganizationResult) -> RequestPlan[None]:
        """The first listed repository that can be read, in the first projects.

        Empty ones come last. The list of a whole organization has no pages.

        The newest version that a server names may be a preview there (seen with Server 2020 and
        2022), so a refused version is followed by the next older one.
        """
        for version in API_VERSIONS[API_VERSIONS.index(self.result.version) :]:
            [page] = yield [self._caller.projects(here.place, version, self._credential)]
            if page.status != 400:
                break
        if not isinstance(page.answer, Projects):
            here.clone = clone_inconclusive(page)
            return
        silent: list[Reply] = []
        empty: list[Repository] = []
        refused: list[tuple[Check, ...]] = []
        projects = page.answer.projects[:PROJECTS_TRIED]
        for project in projects:
            [reply] = yield [
                self._caller.repositories(here.place, project.name, version, self._credential)
            ]
            if not isinstance(reply.answer, Repositories):
                silent.append(reply)
                continue
            enabled = [one for one in reply.answer.repositories if one.enabled]
            empty += [one for one in enabled if not one.has_content]
            full = [one for one in enabled if one.has_content]
            if (yield from self._clone_one_of(here, full, refused)):
                return
        if (yield from self._clone_one_of(here, empty, refused)):
            return
        if refused:
            here.clone = refused_all(refused)
        else:
            here.clone = _none_found(silent, looked=len(silent) < len(projects))

    def _clone_one_of(
        self,
        here: OrganizationResult,
        repositories: Sequence[Repository],
        refused: list[tuple[Check, ...]],
    ) -> RequestPlan[bool]:
        """Try these until one does not fail. Return whether one did, or enough were tried."""
        for repository in repositories[: REPOSITORIES_TRIED - len(refused)]:
            yield from self._clone(here, repository, asked_for=False)
            if here.clone[0].status is not Status.FAIL:
                return True
            refused.append(here.clone)
        if len(refused) < REPOSITORIES_TRIED:
            return False
        here.clone = refused_all(refused)
        return True

    def _clone(
        self, here: OrganizationResult, repository: Repository, *, asked_for: bool
    ) -> RequestPlan[None]:
        """Read the first page of a repository, with the token alone and with a username.

        A directory may lock an account after a few wrong passwords. So after one rejection with
        the username, that is sent only if the token alone was accepted.
        """
        identity = here.identity
        username = self._token.username
        if not username and identity is not None and ":" not in identity.account:
            username = identity.account
        here.username, here.repository = username, repository
        calls = [self._caller.clone(here.place, repository, self._token.bound())]
        beside = []
        if username:
            beside = [self._caller.clone(here.place, repository, self._token.bound(username))]
        if not (self._username_in_flight or self._username_rejected):
            calls += beside
            self._username_in_flight = bool(beside)
        alone, *rest = yield calls
        if not rest and (not self._username_rejected or clone_outcome(alone) is CloneOutcome.READ):
            rest = list((yield beside))
        second = next(iter(rest), None)
        if second is not None:
            self._username_in_flight = False
            self._username_rejected = rejects_credential(second)
        token, named = judge_clone(repository, alone, second, username, asked_for=asked_for)
        if named.status is Status.PASS and self._site.deployment is Deployment.SERVER:
            unsigned = here.control
            if unsigned is None or not offers_windows_sign_in(unsigned):
                [unsigned] = yield [self._caller.clone(here.place, repository, None)]
            named = with_sign_in(named, unsigned)
        here.clone = token, named


def _granted(here: OrganizationResult, result: TokenResult) -> set[str]:
    """The probes whose answers show a granted scope."""
    scope_context = result.scope_context(here)
    return {
        name
        for name, reply in here.replies.items()
        if judge_probe(reply, scope_context) is ProbeResult.GRANTED
    }


def _may_have_died(replies: Sequence[Reply], scopes: Sequence[Check]) -> bool:
    """Whether to check the token again.

    This includes the case without any scope: a revoked token and a missing scope get the same
    bare refusal. A refused level below a granted one may be of a token that died in between.
    """
    kinds = {classify(reply) for reply in replies}
    contradict = any(check.reason is Reason.ANSWERS_CONTRADICT for check in scopes)
    return bool(kinds & _DIED) or kinds == {AnswerKind.BARE_REFUSAL} or contradict


def _none_found(silent: Sequence[Reply], *, looked: bool) -> tuple[Check, Check]:
    """Return both clone checks if nothing was tried: no answer, no access, or no repository."""
    denies_nothing = [one for one in silent if classify(one) in INCONCLUSIVE or one.status < 400]
    unheard = next(iter(denies_nothing), None)
    if unheard is not None:
        return clone_inconclusive(unheard)
    if silent and not looked:
        return clone_refused(silent[0])
    return clone_skipped("Skipped: found no enabled repository.", Reason.NO_REPOSITORY)

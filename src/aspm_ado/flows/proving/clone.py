"""Finding one repository and reading its first page, with the token alone and with a username beside it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.answers import Projects, Repositories, Repository
from aspm_ado.domain.judgement.clone import clone_refused, clone_skipped, clone_unheard, judge_clone
from aspm_ado.domain.judgement.saying import UNHEARD, saying
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import API_VERSIONS
from aspm_ado.flows.proving.candidate import AUTO, NO, PlaceProof, Proof

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.exchange import Call, Reply

Steps = Generator[Sequence["Call"], Sequence["Reply"], None]

PROJECTS_TRIED: Final = 10
"""Projects of the first page that are looked into for an enabled repository, one after the other."""

REPOSITORIES_TRIED: Final = 3
"""Repositories of a project that are tried: servers before 2020 do not tell which ones are switched off."""


def try_clone(proof: Proof, here: PlaceProof, choice: str, *, code_is_read: bool) -> Steps:
    """Fill ``clone`` and ``repository`` of one organization."""
    if not proof.candidate.brief.purpose.reads_code:
        here.clone = clone_skipped("The issue manager clones nothing.", Reason.NOT_WANTED)
    elif choice == NO:
        here.clone = clone_skipped("Left out, as asked.", Reason.NOT_WANTED)
    elif not code_is_read:
        here.clone = clone_skipped("Not asked: Code is not as needed yet.")
    elif choice == AUTO:
        yield from _any(proof, here)
    else:
        project, _, name = choice.partition("/")
        yield from _read(proof, here, Repository("", name, project), asked_for=True)


def _any(proof: Proof, here: PlaceProof) -> Steps:
    """The first repository that can be tried, in the first projects. The list of a whole organization has no pages.

    The newest version that a server names may be a preview there (seen with Server 2020 and 2022), so a refused
    version is followed by the next older one.
    """
    credential, caller = proof.candidate.credential(), proof.candidate.brief.caller
    for version in API_VERSIONS[API_VERSIONS.index(proof.version) :]:
        [page] = yield [caller.projects(here.place, version, credential)]
        if page.status != 400:
            break
    if not isinstance(page.answer, Projects):
        here.clone = clone_unheard(page)
        return
    silent: list[Reply] = []
    looked = False
    for project in page.answer.projects[:PROJECTS_TRIED]:
        [reply] = yield [caller.repositories(here.place, project.name, version, credential)]
        if not isinstance(reply.answer, Repositories):
            silent.append(reply)
            continue
        looked = True
        for repository in [one for one in reply.answer.repositories if one.enabled][
            :REPOSITORIES_TRIED
        ]:
            yield from _read(proof, here, repository, asked_for=False)
            if any(one.status != 404 for check in here.clone for one in check.evidence):
                return
    if not here.clone:
        here.clone = _none_found(silent, looked=looked)


def _none_found(silent: Sequence[Reply], *, looked: bool) -> tuple[Check, Check]:
    """Why nothing was tried: a project did not answer, none may be looked into, or there is nothing in them."""
    unheard = next((reply for reply in silent if saying(reply) in UNHEARD), None)
    if unheard is not None:
        return clone_unheard(unheard)
    if silent and not looked:
        return clone_refused(silent[0])
    return clone_skipped("No enabled repository was found to try.", Reason.NO_REPOSITORY)


def _read(proof: Proof, here: PlaceProof, repository: Repository, *, asked_for: bool) -> Steps:
    """Both ways in one round trip."""
    account = (
        here.standing.identity.account
        if here.standing is not None and here.standing.identity
        else ""
    )
    username = here.username = proof.candidate.username or ("" if ":" in account else account)
    ways = ("", username) if username else ("",)
    caller = proof.candidate.brief.caller
    replies = yield [
        caller.clone(here.place, repository, proof.candidate.credential(way)) for way in ways
    ]
    named = replies[1] if username else None
    here.repository = repository
    here.clone = judge_clone(repository, replies[0], named, username, asked_for=asked_for)

"""Who can act on what is in the way, and a support ticket for them.

Three verdicts look alike to a person: the token is bad; the token is good or could not be judged,
and a network, a policy or the service is in the way; the token is good and Invicti ASPM says no.
Each rests on the evidence of its checks and says what was not concluded. There is no secret in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Status
from aspm_ado.domain.reasons import CheckId, Reason, Who
from aspm_ado.domain.text import clean, some_of

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.http import Evidence
    from aspm_ado.domain.report import ConnectionReport, OrganizationReport


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for one party.

    ``accepted`` is the sentence where Azure DevOps is known to accept the token, ``unproven`` where
    that is not known.
    """

    to: str
    accepted: str
    unproven: str
    not_concluded: str


_WORDS: Final[Mapping[Who, _Words]] = {
    Who.ASKER: _Words(
        "whoever gave the name",
        "Azure DevOps accepts the token, but nothing has that name.",
        "Nothing has that name. The token could not be verified.",
        "whether it has another name, or is hidden from the owner of the token",
    ),
    Who.OWNER: _Words(
        "the owner of the token",
        "Azure DevOps accepts the token, but it is not what Invicti ASPM needs. Its owner can "
        "fix it.",
        "Azure DevOps rejected the token. Its owner can fix it.",
        "why Azure DevOps rejects the token, if it does not say so",
    ),
    Who.ADMINISTRATOR: _Words(
        "an administrator of Azure DevOps for {where}",
        "Azure DevOps accepts the token, but a permission or policy of {where} blocks it. An "
        "administrator can fix it.",
        "A permission or policy of {where} blocks it. An administrator can fix it. The token "
        "could not be verified.",
        "whether the scopes of the token suffice",
    ),
    Who.NETWORK: _Words(
        "whoever runs the network (proxy, firewall, certificates)",
        "Azure DevOps accepts the token elsewhere. The network path to {hosts} failed.",
        "The network path to {hosts} failed. The token could not be verified.",
        "anything about requests without an answer, including the token",
    ),
    Who.SERVICE: _Words(
        "the support of the service",
        "Azure DevOps accepts the token, but {hosts} gave no conclusive answer.",
        "The service failed: {hosts} gave no conclusive answer. The token could not be verified.",
        "anything about requests without an answer",
    ),
    Who.ASPM: _Words(
        "the administrator or the support of Invicti ASPM",
        "Azure DevOps accepts the personal access token, but Invicti ASPM denies access.",
        "Invicti ASPM denies access. The lines above say whether Azure DevOps accepts the token.",
        "why Invicti ASPM refuses, beyond its answer, and whether it can use the token",
    ),
    Who.ASPM_ADDRESS: _Words(
        "whoever chose the URL of Invicti ASPM",
        "Azure DevOps accepts the token, but {hosts} does not answer as the API of Invicti ASPM. "
        "Whoever chose that URL can correct it.",
        "{hosts} does not answer as the API of Invicti ASPM. Whoever chose that URL can correct "
        "it. The token could not be verified.",
        "whether Invicti ASPM has another URL, or something on the network path answers for it",
    ),
    Who.ASPM_INTEGRATIONS: _Words(
        "whoever manages the integrations in Invicti ASPM",
        "Azure DevOps accepts the token, but Invicti ASPM has another integration for {where}. "
        "Whoever manages its integrations can change or remove it.",
        "Invicti ASPM has another integration for {where}. Whoever manages its integrations can "
        "change or remove it. The token could not be verified.",
        "who created that integration, and which token it uses",
    ),
    Who.MACHINE: _Words(
        "the administrator of this machine",
        "The problem is on this machine: its keyring, configuration, clock, or tools.",
        "The problem is on this machine: its keyring, configuration, clock, or tools. The token "
        "could not be verified.",
        "anything about the token",
    ),
}


@dataclass(frozen=True, slots=True)
class Responsibility:
    """What one party can mend in one connection.

    ``checks`` are with the organization that they are of; empty for those of the connection.
    ``token_is_accepted`` says that Azure DevOps accepts the token of every organization concerned.
    ``owner`` is the person that it named.
    """

    who: Who
    checks: tuple[tuple[str, Check], ...]
    token_is_accepted: bool
    where: str
    owner: str = ""

    @property
    def _asked(self) -> list[Evidence]:
        """Each request of the checks, once."""
        return list(dict.fromkeys(line for _, check in self.checks for line in check.evidence))

    @property
    def hosts(self) -> str:
        """The hosts that were asked."""
        hosts = (line.url.split("/")[2] for line in self._asked if "//" in line.url)
        return clean(", ".join(dict.fromkeys(hosts)), 200) or "the service"

    @property
    def _of_owner(self) -> str:
        return f" of {self.owner}" if self.owner else ""

    @property
    def sentence(self) -> str:
        """Who can act and on what, in a line or two."""
        words = _WORDS[self.who]
        return self._filled(words.accepted if self.token_is_accepted else words.unproven)

    def _filled(self, text: str) -> str:
        return text.replace("{where}", self.where).replace("{hosts}", self.hosts)

    def ticket(self, at: str, version: str) -> tuple[str, ...]:
        """A text for a support ticket: questions, answers, what is concluded and what is not."""
        words = _WORDS[self.who]
        lines = [
            f"To {self._filled(words.to)}:",
            f"aspm-ado {version} asked on {at}, with a personal access token{self._of_owner}:",
            *(map(_evidence_line, self._asked) if self._asked else ["- (no request was sent)"]),
            "Conclusion:",
        ]
        said = {(name, check.detail): check.remedy for name, check in self.checks}
        for (organization, detail), remedy in said.items():
            lines.append(clean(f"- {organization + ': ' if organization else ''}{detail}", 900))
            if remedy:
                lines.append(clean(f"  What may help: {remedy}", 900))
        lines += [
            f"Concluded: {self.sentence}",
            f"Not determined: {words.not_concluded}.",
            "This text contains no secret.",
        ]
        return tuple(lines)


def _evidence_line(line: Evidence) -> str:
    answer = f"status {line.status}" if line.status else "no answer"
    parts = [f"- {line.method} {line.url}: {answer}"]
    if line.activity_id:
        parts.append(f"ActivityId {line.activity_id}")
    if line.at:
        parts.append(f"at {line.at}")
    return clean(", ".join(parts), 900)


def responsibilities(connection: ConnectionReport) -> tuple[Responsibility, ...]:
    """Who can act in one connection, one for each party; empty where nothing is in the way."""
    met: dict[Who, list[tuple[str, Check]]] = {}
    for name, check in _in_the_way(connection):
        if check.reason is not None and check.reason.who is not None:
            met.setdefault(check.reason.who, []).append((name, check))
    found = []
    for who in Who:
        if who in met:
            names = tuple(dict.fromkeys(name for name, _ in met[who] if name))
            where = clean(some_of(names or (connection.base_url,), 32), 200)
            is_accepted = _token_is_accepted(connection, names)
            owner = _owner(connection, names)
            found.append(Responsibility(who, tuple(met[who]), is_accepted, where, owner))
    return tuple(found)


def _in_the_way(connection: ConnectionReport) -> Iterator[tuple[str, Check]]:
    """What stands in the way, and a refused registration, which a validation does not count."""
    aspm = connection.aspm.checks if connection.aspm else ()
    checks = [("", check) for check in (*connection.checks, *aspm)]
    for one in connection.organizations:
        checks += ((clean(one.name, 80), check) for check in one.checks)
    for name, check in checks:
        counts = check.required or check.id is CheckId.REGISTRATION
        if counts and check.status in (Status.FAIL, Status.UNKNOWN):
            yield name, check


def _concerned(connection: ConnectionReport, names: Sequence[str]) -> Iterator[OrganizationReport]:
    """The organizations named, or all where none is."""
    for one in connection.organizations:
        if not names or clean(one.name, 80) in names:
            yield one


def _owner(connection: ConnectionReport, names: Sequence[str]) -> str:
    """Whom Azure DevOps named as the owner of the token; of several tokens, the owners."""
    concerned = _concerned(connection, names)
    owners = (clean(one.identity.label, 160) for one in concerned if one.identity is not None)
    return ", ".join(dict.fromkeys(owners))


def _token_is_accepted(connection: ConnectionReport, names: Sequence[str]) -> bool:
    """Whether the token is accepted in the organizations named, or in all where none is."""
    identities = [
        check
        for one in _concerned(connection, names)
        for check in one.checks
        if check.id is CheckId.IDENTITY
    ]
    return bool(identities) and all(
        check.status is Status.PASS or check.reason is Reason.OTHER_IDENTITY for check in identities
    )

"""Who can fix a problem, and the text of a support ticket for them.

Three verdicts look alike to a person: the token is bad; a network, a policy or the service blocks
it; Invicti ASPM refuses a good one. Each rests on the evidence of its checks, and says what is not
determined. The text contains no secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.reasons import CheckId, Reason, Status, Who
from aspm_ado.domain.report import BAD
from aspm_ado.domain.text import clean, some_of

if TYPE_CHECKING:
    from aspm_ado.domain.http import Evidence
    from aspm_ado.domain.report import Check, ConnectionReport, OrganizationReport


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for one party: who it is, the problem, and what the checks do not determine.

    ``rejected`` replaces the problem if Azure DevOps is not known to accept the token.
    """

    to: str
    problem: str
    not_determined: str
    rejected: str = ""

    def sentence(self, *, is_accepted: bool) -> str:
        """The problem, with what is known of the token."""
        if is_accepted:
            return f"Azure DevOps accepts the token, but {self.problem}"
        if self.rejected:
            return self.rejected
        return f"{self.problem[0].upper()}{self.problem[1:]} The token could not be verified."


_WORDS: Final[Mapping[Who, _Words]] = {
    Who.ASKER: _Words(
        "the person who chose the name",
        "the name was not found. Correct it.",
        "whether it has another name, or is hidden from the owner of the token",
    ),
    Who.OWNER: _Words(
        "the owner of the token",
        "it is not what Invicti ASPM needs. Its owner can fix it.",
        "why Azure DevOps rejects the token, unless it says so",
        rejected="Azure DevOps rejected the token. Its owner can fix it.",
    ),
    Who.ADMINISTRATOR: _Words(
        "an administrator of Azure DevOps for {where}",
        "a permission or policy of {where} blocks it. An administrator can fix it.",
        "whether the scopes of the token suffice",
    ),
    Who.NETWORK: _Words(
        "the administrator of the network (proxy, firewall, certificates)",
        "the network path to {hosts} failed.",
        "anything about requests without an answer, including the token",
    ),
    Who.SERVICE: _Words(
        "the support of the service",
        "{hosts} gave no conclusive answer.",
        "anything about requests without an answer",
    ),
    Who.ASPM: _Words(
        "the administrator or the support of Invicti ASPM",
        "Invicti ASPM denies access.",
        "why Invicti ASPM denies access, beyond its answer, and whether it can use the token",
        rejected="Invicti ASPM denies access. The lines above say whether Azure DevOps accepts the "
        "token.",
    ),
    Who.ASPM_ADDRESS: _Words(
        "the person who chose the URL of Invicti ASPM",
        "{hosts} does not answer as the API of Invicti ASPM. Correct the URL.",
        "whether Invicti ASPM has another URL, or something on the network path answers for it",
    ),
    Who.ASPM_INTEGRATIONS: _Words(
        "an administrator of the integrations in Invicti ASPM",
        "Invicti ASPM has another integration for {where}. An administrator can change or "
        "remove it.",
        "who created that integration, and which token it uses",
    ),
    Who.MACHINE: _Words(
        "the administrator of this machine",
        "this machine has a problem with its keyring, configuration, clock, limits, or tools.",
        "anything about the token",
    ),
}


@dataclass(frozen=True, slots=True)
class Responsibility:
    """What one party can fix in one connection.

    ``checks`` are with their organizations, empty for those of the connection.
    ``token_is_accepted`` is about the tokens of all organizations concerned. ``owner`` is the
    person that Azure DevOps named.
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
        """The hosts of the requests."""
        hosts = (line.url.split("/")[2] for line in self._asked if "//" in line.url)
        return clean(", ".join(dict.fromkeys(hosts)), 200) or "the service"

    @property
    def sentence(self) -> str:
        """Who can act and on what, in a line or two."""
        return self._filled(_WORDS[self.who].sentence(is_accepted=self.token_is_accepted))

    def _filled(self, text: str) -> str:
        return text.replace("{where}", self.where).replace("{hosts}", self.hosts)

    def ticket(self, at: str, version: str) -> tuple[str, ...]:
        """A text for a support ticket: requests, answers, findings and what is not determined."""
        words, asked = _WORDS[self.who], self._asked
        owner = f" of {self.owner}" if self.owner else ""
        sent = "these requests" if asked else "no requests"
        lines = [
            f"To {self._filled(words.to)}:",
            f"aspm-ado {version} sent {sent} on {at}, with a personal access token{owner}"
            f"{':' if asked else '.'}",
            *map(_evidence_line, asked),
            "Findings:",
        ]
        said = {(name, check.detail): check.remedy for name, check in self.checks}
        for (organization, detail), remedy in said.items():
            lines.append(clean(f"- {organization + ': ' if organization else ''}{detail}", 900))
            if remedy:
                lines.append(clean(f"  Possible fix: {remedy}", 900))
        lines += [
            f"Conclusion: {self.sentence}",
            f"Not determined: {words.not_determined}.",
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
    """Who can act in one connection, one entry per party."""
    met: dict[Who, list[tuple[str, Check]]] = {}
    for name, check in _blocking_checks(connection):
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


def _blocking_checks(connection: ConnectionReport) -> Iterator[tuple[str, Check]]:
    """The failed and unknown checks that count, and a refused registration."""
    aspm = connection.aspm.checks if connection.aspm else ()
    checks = [("", check) for check in (*connection.checks, *aspm)]
    for one in connection.organizations:
        checks += ((clean(one.name, 80), check) for check in one.checks)
    for name, check in checks:
        counts = check.required or check.id is CheckId.REGISTRATION
        if counts and check.status in BAD:
            yield name, check


def _concerned(connection: ConnectionReport, names: Sequence[str]) -> Iterator[OrganizationReport]:
    """The organizations of these names, or all if there are none."""
    for one in connection.organizations:
        if not names or clean(one.name, 80) in names:
            yield one


def _owner(connection: ConnectionReport, names: Sequence[str]) -> str:
    """The owners of the tokens, as Azure DevOps named them."""
    concerned = _concerned(connection, names)
    owners = (clean(one.identity.label, 160) for one in concerned if one.identity is not None)
    return ", ".join(dict.fromkeys(owners))


def _token_is_accepted(connection: ConnectionReport, names: Sequence[str]) -> bool:
    """Whether Azure DevOps accepts the token in these organizations, or in all."""
    identities = [
        check
        for one in _concerned(connection, names)
        for check in one.checks
        if check.id is CheckId.IDENTITY
    ]
    return bool(identities) and all(
        check.status is Status.PASS or check.reason is Reason.OTHER_IDENTITY for check in identities
    )

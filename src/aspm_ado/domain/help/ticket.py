"""Whose problem it is: the token's, something on the way, or Invicti ASPM's; and a text for whoever can mend it.

Three verdicts that look alike to a person: the token is bad; the token is good, or could not be judged, and a network,
a policy or the service is in the way; the token is good and Invicti ASPM says no. Each rests on the evidence of its
checks, and says what was not concluded. No secret is in any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Status
from aspm_ado.domain.reasons import CheckId, Reason, Who
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.report import ConnectionReport


@dataclass(frozen=True, slots=True)
class _Words:
    """How a party is told of. ``alive`` and ``unproven`` are the sentence where the token is known to be, or not."""

    to: str
    alive: str
    unproven: str
    not_concluded: str


_WORDS: Final[Mapping[Who, _Words]] = {
    Who.ASKER: _Words(
        "whoever gave the name",
        "It is not the token, which is accepted: nothing of that name is there.",
        "It is the name: nothing of that name is there. Whether the token is good is not known.",
        "whether it is there under another name, or hidden from the owner of the token",
    ),
    Who.OWNER: _Words(
        "the owner of the token",
        "It is the token: it is accepted, and it is not what Invicti ASPM needs. Its owner can mend it.",
        "It is the token: Azure DevOps answered, and did not take it. Its owner can mend it.",
        "why Azure DevOps refuses, where it does not say so",
    ),
    Who.ADMINISTRATOR: _Words(
        "an administrator of Azure DevOps for {where}",
        "It is not the token, which is accepted: a right or a policy of {where} is in the way. An administrator can "
        "mend it.",
        "It is a right or a policy of {where}; an administrator can mend it. Whether the token is good is not known.",
        "whether the scopes of the token would do",
    ),
    Who.NETWORK: _Words(
        "whoever runs the network (proxy, firewall, certificates)",
        "It is not the token, which is accepted elsewhere: something is in the way to {hosts}.",
        "It is the way to {hosts}, or what stands in it. Whether the token is good is not known.",
        "anything about what was not answered, the token included",
    ),
    Who.SERVICE: _Words(
        "the support of the service",
        "It is not the token, which is accepted: {hosts} did not give an answer that tells.",
        "It is the service: {hosts} did not give an answer that tells. Whether the token is good is not known.",
        "anything about what was not answered",
    ),
    Who.ASPM: _Words(
        "the administrator or the support of Invicti ASPM",
        "It is not the personal access token, which Azure DevOps accepts: Invicti ASPM says no.",
        "It is Invicti ASPM that says no. Whether Azure DevOps accepts its token is told above.",
        "why Invicti ASPM refuses, beyond its answer; whether it could use the token",
    ),
    Who.MACHINE: _Words(
        "whoever looks after this machine",
        "It is this machine: its keyring, our records, its clock or its tools.",
        "It is this machine: its keyring, our records, its clock or its tools. Nothing is said about the token.",
        "anything about the token",
    ),
}


@dataclass(frozen=True, slots=True)
class Responsibility:
    """What one party can mend in one connection: the checks by organization (empty: the connection's own)."""

    who: Who
    checks: tuple[tuple[str, Check], ...]
    alive: bool
    """Whether Azure DevOps was seen to accept the token of every organization concerned."""
    where: str

    @property
    def hosts(self) -> str:
        """Who was asked."""
        asked = [
            line.url.split("/")[2]
            for _, check in self.checks
            for line in check.evidence
            if "//" in line.url
        ]
        return clean(", ".join(dict.fromkeys(asked)), 200) or "the service"

    @property
    def sentence(self) -> str:
        """Whose problem it is, in a line or two."""
        words = _WORDS[self.who]
        return self._filled(words.alive if self.alive else words.unproven)

    def _filled(self, text: str) -> str:
        return text.replace("{where}", self.where).replace("{hosts}", self.hosts)

    def ticket(self, at: str, version: str) -> tuple[str, ...]:
        """A text for a support ticket: what was asked, what was answered, what is concluded and what is not."""
        words = _WORDS[self.who]
        asked = [line for _, check in self.checks for line in check.evidence]
        lines = [
            f"To {self._filled(words.to)}:",
            f"aspm-ado {version} asked on {at}, with a personal access token:",
        ]
        for line in dict.fromkeys(asked):
            answer = f"status {line.status}" if line.status else "no answer"
            marks = [
                f"ActivityId {line.activity_id}" if line.activity_id else "",
                f"at {line.at}" if line.at else "",
            ]
            lines.append(
                clean(
                    ", ".join(
                        [f"- {line.method} {line.url}: {answer}", *(one for one in marks if one)]
                    ),
                    900,
                )
            )
        lines += [] if asked else ["- (no request was sent)"]
        lines.append("What that means:")
        for (organization, detail), remedy in self._said().items():
            lines.append(clean(f"- {organization + ': ' if organization else ''}{detail}", 900))
            lines += [clean(f"  What may help: {remedy}", 900)] if remedy else []
        lines += [f"Concluded: {self.sentence}", f"Not concluded: {words.not_concluded}."]
        return (*lines, "No secret is in this text.")

    def _said(self) -> dict[tuple[str, str], str]:
        return {(name, check.detail): check.remedy or "" for name, check in self.checks}


def responsibilities(connection: ConnectionReport) -> tuple[Responsibility, ...]:
    """Whose problem it is in one connection, one finding for each party; nothing where nothing is in the way."""
    met: dict[Who, list[tuple[str, Check]]] = {}
    for name, check in _trouble(connection):
        if check.reason is not None and check.reason.who is not None:
            met.setdefault(check.reason.who, []).append((name, check))
    return tuple(
        Responsibility(
            who, tuple(met[who]), _alive(connection, met[who]), _where(connection, met[who])
        )
        for who in Who
        if who in met
    )


def _trouble(connection: ConnectionReport) -> Iterator[tuple[str, Check]]:
    """What stands in the way, and a registration that was refused, which a validation does not count."""
    own = [
        ("", check)
        for check in (*connection.checks, *(connection.aspm.checks if connection.aspm else ()))
    ]
    theirs = [
        (clean(one.name, 80), check) for one in connection.organizations for check in one.checks
    ]
    for name, check in (*own, *theirs):
        counts = check.required or check.id is CheckId.REGISTRATION
        if counts and check.status in (Status.FAIL, Status.UNKNOWN):
            yield name, check


def _alive(connection: ConnectionReport, met: list[tuple[str, Check]]) -> bool:
    names = {name for name, _ in met if name}
    concerned = [
        one for one in connection.organizations if not names or clean(one.name, 80) in names
    ]
    who = [check for one in concerned for check in one.checks if check.id is CheckId.IDENTITY]
    return bool(who) and all(
        one.status is Status.PASS or one.reason is Reason.OTHER_IDENTITY for one in who
    )


def _where(connection: ConnectionReport, met: list[tuple[str, Check]]) -> str:
    names = list(dict.fromkeys(name for name, _ in met if name))
    return clean(", ".join(names), 200) or clean(connection.base_url, 200)

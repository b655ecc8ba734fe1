"""What ``aspm.registration`` has to say, by the contract: every combination that can occur, and one row for each.

It knows none of the code that decides; whoever tests that code turns a ``Case`` into what the code takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

RECORDS = (
    "none none none",
    "api none none",
    "api registered claimed",
    "api registered alm-accepted",
    "api failed none",
    "api unknown none",
    "guided registered claimed",
    "guided registered alm-accepted",
    "guided handed-off none",
    "guided failed none",
)
"""What can be on record: mode, state and proof."""

BY_A_PERSON = (
    "guided registered claimed",
    "guided registered alm-accepted",
    "guided handed-off none",
    "guided failed none",
)
BY_THE_API = {
    "api registered claimed": (
        "pass",
        "fail",
        "unknown",
    ),  # ASPM's own test of the instance may fail
    "api registered alm-accepted": ("pass", "fail", "unknown"),
    "api failed none": ("fail", "unknown"),
    "api unknown none": ("unknown",),
    "api none none": ("fail", "unknown"),  # nothing was sent
}
"""The states that a registration ends with, and the statuses of the check that comes with each."""
REHEARSED = ("guided planned none", "api planned none")

ANSWERS = (
    ("nobody", "", ""),
    *(("person", answer, "") for answer in BY_A_PERSON),
    *(("api", answer, outcome) for answer, outcomes in BY_THE_API.items() for outcome in outcomes),
    *(("rehearsal", answer, "") for answer in REHEARSED),
)
"""Who said something in this run, what, and the status of the check that the API's answer brought along."""


@dataclass(frozen=True)
class Case:
    """One combination. ``required``: ``--register auto`` or ``api`` was asked for; not ``brought``: ``none`` was."""

    token: str
    record: str
    said_by: str
    answer: str
    outcome: str
    aspm: str
    brought: bool
    stored: bool
    required: bool

    @property
    def registration(self) -> str:
        """Mode and state by now."""
        return (self.answer or self.record).rpartition(" ")[0]

    @property
    def impossible(self) -> bool:
        """Whether no command comes to it."""
        answered = self.said_by != "nobody"
        registered = "api registered" in self.record
        return (
            # Only a good token is brought, only to a good ASPM, and only where that is wanted.
            (
                answered
                and (
                    self.token in ("not-good", "missing") or self.aspm == "bad" or not self.brought
                )
            )
            or (self.required and not self.brought)
            # A token that waits goes to a person. The one in force may be brought again meanwhile, and is not refused.
            or (self.token == "waits" and self.said_by == "rehearsal")
            or (self.token == "waits" and self.answer.startswith("api failed"))
            # Where nothing is stored there is nothing on record.
            or (
                not self.stored
                and (self.record != RECORDS[0] or self.token in ("waits", "missing"))
            )
            # The API is not asked where a person has begun, nor where it has registered before: that is kept.
            or (self.said_by == "api" and self.record.startswith("guided"))
            or (
                self.said_by == "api"
                and registered
                and (self.answer, self.outcome) != (self.record, "pass")
            )
        )


def cases() -> Iterator[Case]:
    """Every combination that can occur."""
    tokens, aspm, no_or_yes = (
        ("in-force", "waits", "not-good", "missing"),
        ("good", "bad"),
        (False, True),
    )
    for token, record, answer, *rest in product(tokens, RECORDS, ANSWERS, aspm, *[no_or_yes] * 3):
        case = Case(token, record, *answer, *rest)
        if not case.impossible:
            yield case


ANY = ""


@dataclass(frozen=True)
class Row:
    """Where a row applies (an empty column: anywhere; several words: any of them), and what the check says there.

    ``api-pass`` is the API with a check that passed.

    ``status`` and ``reason`` are ``=`` where the check that came with the API's answer is shown as it is.
    """

    token: str
    aspm: str
    said_by: str
    registration: str
    status: str
    reason: str
    detail: str = ""
    remedy: str = ""

    def applies(self, case: Case) -> bool:
        """Whether it is the row of ``case``."""
        columns = ((self.token, case.token), (self.aspm, case.aspm))
        said_by = {case.said_by, f"{case.said_by}-{case.outcome}"}
        if self.said_by and not said_by & set(self.said_by.split()):
            return False
        return all(not column or value in column.split() for column, value in columns) and (
            not self.registration or case.registration in self.registration.split(" | ")
        )


WAITS, HANDOFF = "A new token is verified and stored", "aspm-ado handoff"
ALL_BUT_API = "nobody person rehearsal"

# token · ASPM · said by · mode and state by now · status · reason · words of the detail · words of the remedy
ROWS = (
    Row("not-good", ANY, ANY, ANY, "skip", "not-asked", "did not pass"),
    Row(
        "missing",
        ANY,
        ANY,
        ANY,
        "warn",
        "not-migrated",
        "no token of its own",
        "aspm-ado migrate NAME -o contoso",
    ),
    Row("in-force", "bad", ANY, ANY, "skip", "not-asked", "Invicti ASPM is not ready"),
    Row("waits", "bad", ANY, ANY, "skip", "not-asked", WAITS),
    # A token that waits, whatever is on record of the old one.
    Row("waits", "good", "nobody", ANY, "warn", "handed-off", WAITS, HANDOFF),
    Row("waits", "good", "api-pass", ANY, "warn", "handed-off", WAITS, HANDOFF),
    Row("waits", "good", "api-fail api-unknown", ANY, "=", "="),
    Row("waits", "good", "person", "guided registered", "warn", "handed-off", WAITS, HANDOFF),
    Row("waits", "good", "person", "guided handed-off", "warn", "handed-off", WAITS, HANDOFF),
    Row(
        "waits",
        "good",
        "person",
        "guided failed",
        "fail",
        "aspm-refused",
        "The current token stays in use",
        HANDOFF,
    ),
    # The token in force.
    Row("in-force", "good", "api", ANY, "=", "="),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "api registered",
        "pass",
        "",
        "The API of Invicti ASPM reported it",
    ),
    Row("in-force", "good", ALL_BUT_API, "guided registered", "pass", "", "Marked as saved by you"),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "guided handed-off",
        "warn",
        "handed-off",
        "Someone still has to",
        ANY,
    ),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "guided failed",
        "fail",
        "aspm-refused",
        "refused it",
        "support",
    ),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "api failed",
        "fail",
        "aspm-refused",
        "another instance",
        HANDOFF,
    ),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "api unknown",
        "unknown",
        "registration-unknown",
        "Could not determine",
        HANDOFF,
    ),
    Row(
        "in-force",
        "good",
        ALL_BUT_API,
        "api none",
        "unknown",
        "registration-unknown",
        "Not registered yet",
        HANDOFF,
    ),
    Row("in-force", "good", ALL_BUT_API, "none none", "skip", "not-wanted", "Not registered"),
    Row(
        "in-force",
        "good",
        "rehearsal",
        "guided planned | api planned",
        "skip",
        "registration-planned",
        "Dry run",
    ),
)


@dataclass(frozen=True)
class Expected:
    """What the check has to be."""

    status: str
    reason: str
    required: bool
    detail: tuple[str, ...]
    remedy: tuple[str, ...]


def expected(case: Case) -> Expected:
    """The answer of the one row that applies, and what is the same in all of them."""
    [row] = [one for one in ROWS if one.applies(case)]
    detail, remedy = [row.detail], [row.remedy]
    by_itself = case.token == "in-force" and case.aspm == "good" and case.said_by != "api"
    if by_itself and case.registration == "guided handed-off":
        detail.append("values are ready" if case.brought else "No handoff, as requested")
        remedy.append(HANDOFF if case.stored else "because nothing is stored")
    if by_itself and (case.answer or case.record).endswith("alm-accepted"):
        detail.append("projects/check now knows the tool")
    # A refusal counts whatever was asked; so does an organization that was to get a token of its own.
    refused = by_itself and case.registration == "guided failed"
    refused |= (case.said_by, case.registration) == ("person", "guided failed")
    required = case.required or refused
    outcome = row.status == "="
    status = case.outcome if outcome else row.status
    return Expected(status, row.reason, required, tuple(detail), tuple(remedy))

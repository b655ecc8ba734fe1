"""The tables: every id has a title and an area, the exit code is a function of the rows, the home is hidden."""

from __future__ import annotations

import pytest

from aspm_ado.domain.doctor import (
    AREAS,
    Health,
    HealthCheck,
    Subject,
    exit_code,
    verdict,
    with_tilde,
)
from aspm_ado.domain.reasons import ExitCode


def test_every_subject_has_a_title_and_an_area() -> None:
    assert all(subject.title for subject in Subject)
    assert len({subject.title for subject in Subject}) == len(Subject)
    assert {subject.area for subject in Subject} == set(AREAS)


def found(subject: Subject, health: Health) -> HealthCheck:
    return HealthCheck(
        subject, health, "So it is.", remedy="Do this." if health in ("warn", "fail") else None
    )


@pytest.mark.parametrize("subject", Subject)
def test_a_failure_counts_by_its_area_and_nothing_else_does(subject: Subject) -> None:
    code = {"keyring": 7, "records": 7, "network": 5, "machine": 0}[subject.area]
    assert exit_code([found(subject, Health.FAIL)]) == code
    for health in (Health.OK, Health.WARN, Health.SKIP):
        assert exit_code([found(subject, health)]) == ExitCode.DONE


def test_the_gravest_failure_wins() -> None:
    network, keyring = found(Subject.DNS, Health.FAIL), found(Subject.KEYRING, Health.FAIL)
    assert exit_code([network, keyring]) == ExitCode.STORE
    assert exit_code([]) == ExitCode.DONE


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([(Subject.SPACE, Health.OK), (Subject.TLS, Health.SKIP)], "ready"),
        ([(Subject.SPACE, Health.WARN)], "ready-with-warnings"),
        ([(Subject.SPACE, Health.WARN), (Subject.TLS, Health.FAIL)], "unknown"),
        ([(Subject.PROBE, Health.FAIL)], "not-ready"),
    ],
)
def test_the_verdict_is_the_exit_code_as_a_word(
    rows: list[tuple[Subject, Health]], word: str
) -> None:
    assert verdict(found(*row) for row in rows) == word


@pytest.mark.parametrize("health", [Health.WARN, Health.FAIL])
def test_trouble_without_a_remedy_cannot_be_said(health: Health) -> None:
    with pytest.raises(ValueError, match="without a remedy"):
        HealthCheck(Subject.TLS, health, "Bad.")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("/home/ann/.config/aspm-ado is yours alone.", "~/.config/aspm-ado is yours alone."),
        ("Look at /home/ann.", "Look at ~."),
        ("(/home/ann)", "(~)"),
        ("Run `chmod go-w '/home/ann/a b'`.", "Run `chmod go-w '~/a b'`."),
        ("/home/anna/x and /home/ann-old", "/home/anna/x and /home/ann-old"),
        ("/home/ann.bak/x", "/home/ann.bak/x"),
        ("/mnt/home/ann/x", "/mnt/home/ann/x"),
    ],
)
def test_the_home_folder_is_a_with_tilde(text: str, hidden: str) -> None:
    assert with_tilde(text, ["/home/ann"]) == hidden


def test_a_home_that_is_no_folder_of_its_own_hides_nothing() -> None:
    assert with_tilde("/etc/ssl", ["/", ""]) == "/etc/ssl"
    assert with_tilde(r"C:\Users\Ann\x", ["C:\\Users\\Ann"]) == r"~\x"


def test_the_home_is_hidden_in_every_text_of_a_row() -> None:
    made = HealthCheck(
        Subject.TRUST, Health.WARN, "/h/ann/a", remedy="/h/ann/b", about="/h/ann/c"
    ).without_home(["/h/ann"])
    assert (made.detail, made.remedy, made.title) == ("~/a", "~/b", "~/c: Trusted certificates")

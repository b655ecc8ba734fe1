"""``token.format`` and ``token.expiry``: advice, never a wall."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from aspm_ado.domain.reasons import Reason, Status
from aspm_ado.domain.rules.token import judge_expiry, judge_format
from aspm_ado.domain.secret import Secret, TokenFormat

from .replies import TODAY

V2 = "a" * 52 + "JQQJ99" + "B" * 18 + "AZDO" + "Wx9Z"


@pytest.mark.parametrize(
    ("value", "shape", "status"),
    [
        (V2, TokenFormat.V2_84, Status.PASS),
        (
            "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
            TokenFormat.LEGACY_52,
            Status.PASS,
        ),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRST", TokenFormat.UNKNOWN, Status.WARN),
        ("abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqr18", TokenFormat.UNKNOWN, Status.WARN),
        (V2[:-1], TokenFormat.UNKNOWN, Status.WARN),
        (V2 + "a", TokenFormat.UNKNOWN, Status.WARN),
        (V2.replace("AZDO", "AZDX"), TokenFormat.UNKNOWN, Status.WARN),
        ("x", TokenFormat.UNKNOWN, Status.WARN),
    ],
)
def test_format(value: str, shape: TokenFormat, status: Status) -> None:
    assert Secret(value).format is shape
    check = judge_format(Secret(value))
    assert check.status is status
    assert check.reason is (None if status is Status.PASS else Reason.FORMAT_UNUSUAL)
    assert not check.required
    assert value not in f"{check.detail} {check.remedy}" or len(value) < 4


@pytest.mark.parametrize(
    ("days", "status", "reason"),
    [
        (None, Status.SKIP, Reason.EXPIRY_UNKNOWN),
        (400, Status.PASS, None),
        (31, Status.PASS, None),
        (30, Status.WARN, Reason.EXPIRY_NEAR),
        (1, Status.WARN, Reason.EXPIRY_NEAR),
        (0, Status.WARN, Reason.EXPIRY_NEAR),
        (-1, Status.WARN, Reason.EXPIRY_PASSED),
        (-400, Status.WARN, Reason.EXPIRY_PASSED),
    ],
)
def test_expiry(days: int | None, status: Status, reason: Reason | None) -> None:
    check = judge_expiry(None if days is None else TODAY.today + timedelta(days=days), TODAY)
    assert (check.status, check.reason) == (status, reason)
    assert not check.required
    assert check.exit_code == 0


def test_warn_days_moves_the_line() -> None:
    end = TODAY.today + timedelta(days=45)
    assert judge_expiry(end, TODAY).status is Status.PASS
    assert judge_expiry(end, TODAY, 45).status is Status.WARN
    assert judge_expiry(end, TODAY, 44).status is Status.PASS


def test_the_day_is_written_as_the_contract_writes_days() -> None:
    assert "2026-10-16, in 1 day." in judge_expiry(date(2026, 10, 16), TODAY).detail
    assert "2026-10-15, which is today." in judge_expiry(TODAY.today, TODAY).detail

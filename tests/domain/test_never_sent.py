"""What was never sent has changed nothing, whoever was to be written to; of any other silence nobody knows."""

from __future__ import annotations

import pytest

from aspm_ado.domain.azure.pats import is_uncertain
from aspm_ado.domain.reasons import NEVER_SENT, Reason

from . import replies


@pytest.mark.parametrize("failure", sorted(NEVER_SENT))
def test_a_creation_that_did_not_leave(failure):
    assert not is_uncertain(replies.silence(failure))


@pytest.mark.parametrize(
    "failure", [Reason.TIMED_OUT, Reason.UNREACHABLE, Reason.ANSWER_UNREADABLE]
)
def test_a_creation_that_may_have_arrived(failure):
    assert is_uncertain(replies.silence(failure))

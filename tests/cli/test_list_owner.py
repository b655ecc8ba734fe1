"""`list` names the owner of each token: the one in force, and one that waits and is another person's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from aspm_ado.cli.commands.list import _lines
from aspm_ado.domain.azure.retirement import Clock
from aspm_ado.domain.stored import Successor

from ..flows.context import entry_of_one


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ({}, "pending token …New1 is not in Invicti ASPM yet"),
        ({"identity_id": "AB-1"}, "pending token …New1 is not in Invicti ASPM yet"),
        ({"identity_id": "2"}, "pending token …New1 of Ada is not in Invicti ASPM yet"),
        (
            {"identity_id": "2", "identity_name": "Grace \x1b[2J"},
            "pending token …New1 of Grace [2J is not in Invicti ASPM yet",
        ),
        (
            {"identity_id": "2", "identity_name": ""},
            "pending token …New1 of unknown is not in Invicti ASPM yet",
        ),
    ],
)
def test_the_owner_of_each_token_is_named(owner: dict[str, str], said: str) -> None:
    entry = entry_of_one("contoso", "s-1", "Old1")
    [(key, token)] = entry.credentials.items()
    token = replace(token, identity_id="ab-1", identity_name="Ada", identity_account="")
    waiting = Successor(replace(token, last4="New1", **owner), (entry.organizations[0].name,))
    entry = replace(entry, credentials={key: token}, successors={"new": waiting})
    _, _, row, told = list(_lines([entry], Clock(date(2026, 10, 15), None).calendar()))[:4]
    assert "  Ada  " in row
    assert said in told

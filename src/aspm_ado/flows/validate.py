"""Proving tokens and telling the result: ad hoc, or those that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.domain.report import Report
from aspm_ado.flows.options import demand, missing
from aspm_ado.flows.proving.account import connection_report, named, organizations_of, report
from aspm_ado.flows.proving.aloud import prove_aloud
from aspm_ado.flows.stored import USUAL, Terms
from aspm_ado.flows.taking.intake import Tokens, ask_token, tokens_given
from aspm_ado.flows.taking.options import (
    brief_given,
    candidates_of,
    collection_missing,
    target,
    target_given,
)

if TYPE_CHECKING:
    from aspm_ado.flows.house import House


def validate_ad_hoc(house: House, terms: Terms = USUAL) -> Report:
    """Prove a token that is stored nowhere, and store nothing."""
    asker = house.asker
    tokens, brief = tokens_given(asker, house.sources), brief_given(house)
    if not asker.asks:
        demand(missing(house, target_given(asker), tokens, brief, None))
    there = target(asker, tokens.named)
    if there.is_open:
        raise collection_missing(there.site)
    if tokens.lacks(there.names, list_all=there.list_all):
        first = next((name for name in there.names if tokens.of(name) is None), "")
        tokens = Tokens(ask_token(asker, there.site, first), tokens.own)
    proofs = prove_aloud(house, candidates_of(there, tokens, brief))
    organizations = [
        terms.applied(named(made, None))
        for proof in proofs
        for made in organizations_of(proof, terms.warn_days)
    ]
    return report(
        house,
        "validate",
        proofs,
        [connection_report(None, there.site, brief.purpose, organizations)],
    )

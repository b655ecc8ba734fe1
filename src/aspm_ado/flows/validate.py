"""Proving tokens and telling the result: ad hoc, or those that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ORGANIZATION
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import Report
from aspm_ado.flows.proving.account import connection_report, named, organizations_of, report
from aspm_ado.flows.proving.aloud import prove_aloud
from aspm_ado.flows.stored import USUAL, Terms
from aspm_ado.flows.taking.intake import Tokens, ask_token, missing_token, tokens_given
from aspm_ado.flows.taking.terms import beside_given, brief_given, candidates_of
from aspm_ado.flows.taking.where import Where, collection_missing, where, where_given

if TYPE_CHECKING:
    from aspm_ado.flows.house import House


def validate_ad_hoc(house: House, terms: Terms = USUAL) -> Report:
    """Prove a token that is stored nowhere, and store nothing."""
    asker = house.asker
    tokens = tokens_given(asker, house.sources)
    if not asker.asks:
        _demand_all(where_given(asker), tokens)
    there = where(asker, tokens.named)
    if there.is_open:
        raise collection_missing(there.site)
    brief, beside = brief_given(house), beside_given(asker)
    if tokens.lacks(there.names, list_all=there.list_all):
        first = next((name for name in there.names if tokens.of(name) is None), "")
        tokens = Tokens(ask_token(asker, there.site, first), tokens.own)
    proofs = prove_aloud(house, candidates_of(there, tokens, brief, beside))
    organizations = [
        terms.applied(named(made, None)) for proof in proofs for made in organizations_of(proof, terms.warn_days)
    ]
    return report(house, "validate", proofs, [connection_report(None, there.site, brief.purpose, organizations)])


def _demand_all(there: Where | None, tokens: Tokens) -> None:
    """With nobody to ask, everything that is missing is named before the first request."""
    names = (*(there.names if there else ()), *tokens.named)
    missing = [] if there or names else [ORGANIZATION.flag + " (or --server-url)"]
    if tokens.lacks(names, list_all=there is None or there.list_all) and not (there is None and tokens.named):
        missing.append("--pat-file or --pat-stdin (or ASPM_ADO_PAT)")
    if there is not None and there.is_open and not names:
        raise collection_missing(there.site)
    if len(missing) == 1 and there is not None:
        raise missing_token()
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Something is missing, and there is nobody to ask.",
            remedy=f"Give {' and '.join(missing)}.",
        )

"""A new API token for one Invicti ASPM.

Proven, then in the place of the old one for every connection that uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.domain.aspm.api import where_tokens_are_made
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import ASPM_URL
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import Report
from aspm_ado.flows.answers import parse_aspm_url
from aspm_ado.flows.registration.aspm import (
    AspmTarget,
    AspmTerms,
    api_asked,
    aspm_token,
    given_token,
    missing_aspm_token,
    resolve_aspm,
    secret_to_keep,
)
from aspm_ado.flows.storage.connection import entry_report
from aspm_ado.flows.storage.transaction import prepare_storage, store_aspm_token
from aspm_ado.flows.tokens.sources import ASPM_VARIABLES
from aspm_ado.flows.validation.report import report

if TYPE_CHECKING:
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.tokens.sources import ApiToken


def rotate_aspm(context: Context, url: str = "") -> Report:
    """Prove the new token and swap it in. When it is not good, the old one stays in force."""
    url = url or context.asker.need(ASPM_URL, parse_aspm_url)
    users = _users(context, url)
    given = given_token(context)
    if given is None and not context.asker.asks:
        raise missing_aspm_token()
    prepare_storage(context)
    given = _new_only(context, url, given, users[0])
    hint = users[0].aspm.api if users[0].aspm else "auto"
    target = AspmTarget(url, api_asked(context), hint, users[0].ca_bundle)
    result = resolve_aspm(context, target, given, AspmTerms(needs_token=True, only_new=True))
    secrets, record = secret_to_keep(context, result)
    if result.is_good and record is not None:
        store_aspm_token(context, record, secrets)
    elif not result.is_good:
        context.voice.warn("Nothing was changed: the old API token stays in force.")
    connections = [entry_report(entry, aspm=result.report) for entry in users]
    return report(context, "rotate", [], connections)


def _users(context: Context, url: str) -> list[Entry]:
    """The connections that use an ASPM. Raises ``UsageError`` where none does."""
    stored = context.records.load().connections.values()
    users = [entry for entry in stored if entry.aspm and entry.aspm.url == url]
    if not users:
        raise UsageError(
            Reason.NOTHING_STORED,
            f"No stored connection uses {url}.",
            remedy="See `aspm-ado list`; a new connection takes the token with --aspm-token-file.",
        )
    return users


def _new_only(context: Context, url: str, given: ApiToken | None, user: Entry) -> ApiToken | None:
    """The token given, but for the one that is stored already.

    Raises ``UsageError`` where a person has not to be asked for another one.
    """
    old = aspm_token(context, url, None)
    if given is None or old is None or given.secret != old.secret:
        return given
    unchanged = UsageError(
        Reason.TOKEN_UNCHANGED,
        f"The API token given is the one that is stored for {url} already: a new one is needed.",
        remedy=f"{where_tokens_are_made(None)} Whether the one in force is good: "
        f"aspm-ado validate {user.name}",
    )
    if given.source not in ASPM_VARIABLES or not context.asker.asks:
        raise unchanged
    context.voice.warn(unchanged.problem)
    return None

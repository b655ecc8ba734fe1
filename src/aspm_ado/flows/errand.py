"""What is to be connected: everything that is known, or can be asked, before the first token is proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.addresses import parse_organization
from aspm_ado.domain.connection import Entry
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import COLLECTION, ORGANIZATION, PURPOSE, REACH
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Deployment, Purpose
from aspm_ado.domain.retirement import Reach, ReachDemanded
from aspm_ado.domain.settings import settings_for
from aspm_ado.flows.handing.aspm import given_token
from aspm_ado.flows.handing.register_all import profile_at
from aspm_ado.flows.handing.settle_aspm import missing_aspm_token
from aspm_ado.flows.keeping.entry import UNNAMED, default_name, parse_name
from aspm_ado.flows.keeping.keep import ready_to_keep
from aspm_ado.flows.minting.create import REQUIRE, creates_unasked, wanted
from aspm_ado.flows.proving.candidate import Brief
from aspm_ado.flows.taking.acquire import choose_reach
from aspm_ado.flows.taking.intake import Taken, Tokens, missing_token, tokens_given
from aspm_ado.flows.taking.terms import PURPOSES, Beside, beside_given, brief_given
from aspm_ado.flows.taking.where import Where, collection_missing, where, where_given
from aspm_ado.flows.taking.wishes import Wishes, aspm_missing, wishes_given

if TYPE_CHECKING:
    from aspm_ado.domain.aspm_profile import Profile
    from aspm_ado.flows.house import House
    from aspm_ado.flows.proving.candidate import Proof


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be connected: settled before the first token is proven."""

    name: str
    where: Where
    brief: Brief
    tokens: Tokens
    beside: Beside
    wishes: Wishes
    old: Entry | None
    aspm_token: Taken | None = None
    profile: Profile | None = None

    @property
    def moves(self) -> bool:
        """Whether the connection goes to another Invicti ASPM than it did, or to one for the first time."""
        known = self.old.aspm if self.old is not None else None
        return self.wishes.aspm_url is not None and (known is None or known.url != self.wishes.aspm_url)


def settle(house: House, name: str | None, old: Entry | None, stored: dict[str, Entry]) -> Errand:
    """Everything before a token is needed. With nobody to ask, all that is missing is named at once."""
    asker = house.asker
    wishes = wishes_given(asker, old)
    given, tokens = where_given(asker), tokens_given(asker, house.sources)
    aspm_token = given_token(house)
    profile = profile_at(house, wishes.profile) if wishes.uses_profile and wishes.profile else None
    known = old or (stored.get(_name(name, given.adding(*tokens.named))) if given else None)
    brief = brief_given(house)
    if wishes.toggles is not None:
        settings_for(
            wishes.toggles,
            brief.purpose if asker.given(PURPOSE) or known is None else Purpose(known.purpose),
            wishes.aspm_api,
        )
    if not asker.asks:
        _demand(house, brief, given, tokens, wishes, known)
        if wishes.uses_profile and aspm_token is None and wishes.aspm_url not in house.records.load().aspm_tokens:
            raise missing_aspm_token()
    if wishes.stores:
        ready_to_keep(house)
    if asker.asks and given is None and not tokens.own:
        house.voice.heading("Where is your code?")
    there = _opened(house, where(asker, tokens.named), tokens)
    chosen = _name(name, there)
    old = old or stored.get(chosen)
    if old is not None and (old.deployment, old.base_url) != (there.site.deployment.value, there.site.base_url):
        raise UsageError(
            Reason.USAGE,
            f"The connection “{old.name}” belongs to {old.base_url}, not to {there.site.base_url}.",
            remedy="Give the new connection a name of its own: aspm-ado connect NAME …",
        )
    if old is not None and old.ca_bundle:
        there = replace(there, site=replace(there.site, ca_bundle=old.ca_bundle))
    tokens = _with_stored(house, tokens, there, old)
    return Errand(
        chosen, there, _brief(house, brief, old, there), tokens, beside_given(asker), wishes, old, aspm_token, profile
    )


def _name(name: str | None, there: Where) -> str:
    return parse_name(name) if name else default_name(there.site, there.names)


def named_by(errand: Errand, proofs: Sequence[Proof], stored: dict[str, Entry]) -> Errand:
    """Where every organization was asked for and none was named, the connection is named after the first one listed.

    A connection that is on record without a name of its own keeps it, and one for something else is left alone.
    """
    first = next((here.place for proof in proofs for here in proof.places), None)
    if errand.name != UNNAMED or errand.old is not None or first is None:
        return errand
    name = default_name(first.site, (first.name,))
    old = stored.get(name)
    if old is not None and (old.base_url, old.purpose) != (first.site.base_url, errand.brief.purpose.value):
        return errand
    return replace(errand, name=name, old=old)


def _opened(house: House, there: Where, tokens: Tokens) -> Where:
    """With the collection of a server, or the organization whose token page is to be opened, where none is named."""
    asker = house.asker
    if there.is_open:
        if not asker.asks:
            raise collection_missing(there.site)
        return there.adding(asker.prompter.text(COLLECTION, asker.default(COLLECTION, "DefaultCollection")).strip())
    if asker.asks and not there.names and tokens.shared is None:
        services = there.site.deployment is Deployment.SERVICES
        page = asker.need(ORGANIZATION, parse_organization).name if services else asker.prompter.text(COLLECTION)
        return there.adding(page)
    return there


def _with_stored(house: House, tokens: Tokens, there: Where, old: Entry | None) -> Tokens:
    """With the tokens that are stored already, for organizations that no new one is given for.

    Those of the connection have theirs; a new organization takes the one that reaches all, if there is one.
    """
    if old is None or tokens.shared is not None:
        return tokens
    own = dict(tokens.own)
    held = {one.name.casefold(): one.credential for one in old.organizations}
    wide = next((key for key, one in old.credentials.items() if one.reach == Reach.ALL.value), None)
    wide = None if wanted(house.asker) == REQUIRE else wide
    for name in there.names:
        key = held.get(name.casefold(), wide)
        if name.casefold() in own or key is None:
            continue
        credential = old.credentials[key]
        secret = house.vault.read(credential.service)
        if secret is not None:
            own[name.casefold()] = Taken(
                secret, "keyring", name, key, credential.ends, credential.expires_source, credential.authorization_id
            )
    return Tokens(tokens.shared, own)


def _brief(house: House, given: Brief, old: Entry | None, there: Where) -> Brief:
    asker = house.asker
    if old is not None and asker.given(REACH) is None:
        given = replace(given, reach=ReachDemanded(old.reach_demanded))
    if asker.given(PURPOSE) is None:
        if old is not None:
            given = replace(given, purpose=Purpose(old.purpose))
        elif asker.asks:
            given = replace(given, purpose=Purpose(asker.pick(PURPOSE, PURPOSES, "alm")))
    return choose_reach(house, given, there.site.deployment)


def _demand(
    house: House, brief: Brief, there: Where | None, tokens: Tokens, wishes: Wishes, known: Entry | None
) -> None:
    """Name everything that is missing, before the first request."""
    names = (*(there.names if there else ()), *tokens.named)
    missing = [] if there or names else ["--organization (or --server-url)"]
    if there is not None and there.is_open and not names:
        raise collection_missing(there.site)
    if _lacks_token(there, names, tokens, known) and not _creates(house, brief, there):
        missing.append("--pat-file or --pat-stdin (or ASPM_ADO_PAT)")
    if wishes.register != "none" and not wishes.aspm_url:
        missing.append("--aspm-url (or INVICTI_ASPM_HOST), or --register none")
    if len(missing) == 1 and missing[0].startswith("--aspm"):
        raise aspm_missing()
    if len(missing) == 1 and missing[0].startswith("--pat"):
        raise missing_token()
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Something is missing, and there is nobody to ask.",
            remedy=f"Give {'; and '.join(missing)}.",
        )


def _creates(house: House, brief: Brief, there: Where | None) -> bool:
    """Whether tokens that are missing are made: the organizations have to be named for that."""
    if there is None or there.list_all or not there.names:
        return False
    return creates_unasked(house, there.site.place(there.names[0]), brief)


def _lacks_token(there: Where | None, names: tuple[str, ...], tokens: Tokens, known: Entry | None) -> bool:
    """Whether an organization has no token: neither given, nor stored with the connection."""
    if known is not None and there is not None and not there.list_all:
        if any(one.reach == Reach.ALL.value for one in known.credentials.values()):
            return False
        held = {one.name.casefold() for one in known.organizations}
        names = tuple(name for name in names if name.casefold() not in held)
        return tokens.lacks(names, list_all=False)
    return tokens.lacks(names, list_all=not names or (there is not None and there.list_all))

"""Catalogues of every shape, for hypothesis, and one of the usual kind."""

from __future__ import annotations

from hypothesis import strategies as st

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import (
    Catalogue,
    Draft,
    Entry,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
    Successor,
    TokenOrder,
)

text = st.text(st.characters(), max_size=12)  # lone surrogates too
maybe = st.none() | text
texts = st.lists(text, max_size=3).map(tuple)
pairs = st.dictionaries(text, text, max_size=3)
days = st.none() | st.dates().map(lambda day: day.isoformat())

registrations = st.builds(
    Registration,
    mode=st.sampled_from(RegistrationMode),
    state=st.sampled_from(RegistrationState),
    proof=st.sampled_from(Proof),
    instance_id=maybe,
)
credentials = st.builds(
    StoredCredential,
    text,
    st.sampled_from(TokenFormat),
    text,
    days,
    maybe,
    st.sampled_from(Reach),
    identity_id=text,
    identity_name=text,
    identity_account=text,
)
successors = st.builds(Successor, credentials, texts)


def organizations_of(held: dict[str, StoredCredential]) -> st.SearchStrategy[StoredOrganization]:
    """Organizations that name a credential which is there: the records refuse any other."""
    return st.builds(
        StoredOrganization,
        name=text,
        credential=st.sampled_from(sorted(held)),
        username=text,
        registration=registrations,
        verdict=pairs,
    )


def entries_with(held: dict[str, StoredCredential]) -> st.SearchStrategy[Entry]:
    """Entries whose credentials are these."""
    return st.builds(
        Entry,
        name=text,
        deployment=st.sampled_from(Deployment),
        base_url=text,
        purpose=st.sampled_from(Purpose),
        credentials=st.just(held),
        organizations=st.lists(organizations_of(held), max_size=2).map(tuple)
        if held
        else st.just(()),
        aspm=st.none()
        | st.builds(StoredAspm, url=text, api=st.sampled_from(["auto", "standalone", "core"])),
        reach_demanded=st.sampled_from(ReachDemanded),
        toggles=texts,
        allow_http=st.booleans(),
        ca_bundle=maybe,
        created=text,
        validated=maybe,
        successors=st.dictionaries(text, successors, max_size=2),
        offered=texts,
    )


entries = st.dictionaries(text, credentials, max_size=2).flatmap(entries_with)
by_name = st.lists(entries, max_size=2).map(lambda found: {entry.name: entry for entry in found})
catalogues = st.builds(
    Catalogue,
    connections=by_name,
    pending=st.dictionaries(text, texts, max_size=2),
    aspm_tokens=pairs,
    erasing=texts,
    ordered=st.lists(
        st.builds(TokenOrder, text, text, text, text, text, text, st.booleans()), max_size=2
    ).map(tuple),
    origins=pairs,
)
drafts = st.builds(Draft, answers=pairs, saved=text)


def entry(name: str = "contoso") -> Entry:
    return Entry(
        name=name,
        deployment=Deployment.SERVICES,
        base_url="https://dev.azure.com",
        purpose=Purpose.ALM,
        credentials={
            "1": StoredCredential(
                f"aspm-ado/{name}/1",
                TokenFormat.V2_84,
                "1234",
                expires="2027-01-31",
                reach=Reach.ALL,
            )
        },
        organizations=(
            StoredOrganization(
                "Contoso",
                "1",
                registration=Registration(
                    RegistrationMode.GUIDED, RegistrationState.REGISTERED, Proof.CLAIMED
                ),
                verdict={"scope.code": "partial"},
            ),
        ),
        aspm=StoredAspm("https://contoso.invicti.example"),
        toggles=("create-instances",),
        created="2026-11-23T08:00:00Z",
    )


USUAL = Catalogue(
    connections={"contoso": entry()},
    pending={"fabrikam": ("aspm-ado/fabrikam/1",)},
    aspm_tokens={"https://contoso.invicti.example": "aspm-ado/aspm/1"},
    erasing=("aspm-ado/old/1",),
)

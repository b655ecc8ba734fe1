"""Whatever bytes are on disk, reading them gives a catalogue or one kind of error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aspm_ado.adapters.records.codec import (
    DamagedError,
    NewerError,
    decode_catalogue,
    decode_draft,
    encode_catalogue,
    encode_draft,
)
from aspm_ado.domain.stored import Catalogue, Draft

from .catalogues import USUAL, catalogues, drafts

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def total(raw: bytes) -> None:
    """Both decoders end in a value or in our error."""
    for decode in (decode_catalogue, decode_draft):
        try:
            found = decode(raw)
        except DamagedError:
            continue
        assert isinstance(found, Catalogue | Draft)


@settings(deadline=None)
@given(catalogues)
def test_a_catalogue_comes_back_as_it_was(catalogue: Catalogue) -> None:
    raw = encode_catalogue(catalogue)
    assert raw.isascii()
    assert decode_catalogue(raw) == catalogue


@settings(deadline=None)
@given(drafts)
def test_a_draft_comes_back_as_it_was(draft: Draft) -> None:
    assert decode_draft(encode_draft(draft)) == draft


@settings(deadline=None)
@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    total(raw)


@settings(settings.get_profile("slow"))
@given(json_values)
def test_any_json(value: object) -> None:
    total(json.dumps(value).encode())


@settings(deadline=None)
@given(st.data(), json_values)
def test_our_own_document_with_any_value_in_any_place(data: st.DataObject, value: object) -> None:
    document: Any = json.loads(encode_catalogue(USUAL))
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = value
    total(json.dumps(document).encode())


@settings(deadline=None)
@given(st.integers(0, len(encode_catalogue(USUAL)) - 2))
def test_cut_short_anywhere_is_damage(length: int) -> None:
    with pytest.raises(DamagedError):
        decode_catalogue(encode_catalogue(USUAL)[:length])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xef\xbb\xbf" + encode_catalogue(USUAL),
        encode_catalogue(USUAL).decode().encode("utf-16"),
        b"[" * 200_000,
        b'{"schema":' * 100_000,
        b'{"schema": "aspm-ado/catalog/v1", "connections": ' + b'{"a":' * 50_000,
        b"9" * 10_000,
        b"null",
        b"{}",
        b'{"schema": "aspm-ado/catalog/v1"}',
        b'{"schema": "aspm-ado/catalog/v1", "connections": [], "pending": {}}',
        b'{"schema": "aspm-ado/catalog/v1", "connections": {}, "pending": null}',
        b'{"schema": "aspm-ado/draft/v2", "connections": {}}',
        b'{"schema": "aspm-ado/catalog/v0", "connections": {}}',
        b'{"schema": "aspm-ado/catalog/v01", "connections": {}}',
        b'{"schema": "aspm-ado/catalog/v1 ", "connections": {}}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_we_did_not_write_is_damage_and_not_a_newer_version(raw: bytes) -> None:
    with pytest.raises(DamagedError) as caught:
        decode_catalogue(raw)
    assert type(caught.value) is DamagedError


@pytest.mark.parametrize("version", ["v2", "v10", "v999999"])
def test_a_newer_schema_is_whole_and_not_ours(version: str) -> None:
    with pytest.raises(NewerError, match=version[1:]):
        decode_catalogue(json.dumps({"schema": f"aspm-ado/catalog/{version}", "new": 1}).encode())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("purpose",), 1),
        (("allow_http",), 1),
        (("toggles",), ["x", 1]),
        (("toggles",), "x"),
        (("name_of_nothing",), 1),
        (("organizations", 0, "registration", "proof"), "sworn"),
        (("organizations", 0, "verdict"), {"a": None}),
        (("credentials", "1", "service"), None),
        (("validated",), 5),
    ],
)
def test_types_and_enumerations_are_strict_and_unknown_keys_are_ignored(
    place: tuple[Any, ...], value: object
) -> None:
    document = json.loads(encode_catalogue(USUAL))
    target = document["connections"]["contoso"]
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    raw = json.dumps(document).encode()
    if place == ("name_of_nothing",):
        assert decode_catalogue(raw) == USUAL
        return
    with pytest.raises(DamagedError) as caught:
        decode_catalogue(raw)
    assert f".{place[-1]}" in str(caught.value)
    assert repr(value) not in str(caught.value)


def test_later_keys_may_be_absent() -> None:
    document = json.loads(encode_catalogue(USUAL))
    kept = ("deployment", "base_url", "purpose", "credentials", "organizations")
    found = document["connections"]["contoso"]
    document["connections"]["contoso"] = {key: found[key] for key in kept}
    del document["aspm_tokens"], document["erasing"]
    entry = decode_catalogue(json.dumps(document).encode()).connections["contoso"]
    assert (entry.aspm, entry.reach_demanded, entry.toggles, entry.allow_http) == (
        None,
        "auto",
        (),
        False,
    )


def test_the_document_is_the_one_we_publish() -> None:
    """A change here is a change of the format: old files must still be read (see the codec's docstring)."""
    document = json.loads(encode_catalogue(USUAL))
    assert document["schema"] == "aspm-ado/catalog/v1"
    assert sorted(document) == [
        "aspm_tokens",
        "connections",
        "erasing",
        "ordered",
        "origins",
        "pending",
        "schema",
    ]
    assert document["connections"]["contoso"]["credentials"]["1"]["service"] == "aspm-ado/contoso/1"

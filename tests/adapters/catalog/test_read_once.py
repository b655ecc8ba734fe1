"""What is on disk is understood once: a run of 200 organizations looks at it thousands of times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe

import pytest

from aspm_ado.adapters.records import catalog
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.known_secrets import HIDDEN, KNOWN_SECRETS
from aspm_ado.domain.stored import Catalogue, TokenOrder

ORDER = TokenOrder("one", "contoso", "aspm-ado contoso", "", "2026-11-29T09:00:00Z")


def test_the_same_bytes_are_decoded_once_and_other_bytes_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def counted(raw: bytes) -> Catalogue:
        decoded.append(raw)
        return really(raw)

    really = catalog.decode_catalogue
    monkeypatch.setattr(catalog, "decode_catalogue", counted)
    ours, other = DiskRecords(tmp_path), DiskRecords(tmp_path)
    ours.change(lambda before: before.with_orders([ORDER]))
    assert ours.load().ordered == (ORDER,)
    assert decoded == []
    again = replace(ORDER, id="two")
    other.change(lambda before: before.with_orders([*before.ordered, again]))
    assert [ours.load().ordered for _ in range(3)] == [(ORDER, again)] * 3
    assert len(decoded) == 2, "each machine has read what the other wrote"
    assert ours.load() == really((tmp_path / "catalog.json").read_bytes())


def test_only_new_lines_are_searched_for_secrets_and_no_secret_comes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []

    def counted(text: str) -> str:
        searched.append(len(text))
        return really(text)

    really = KNOWN_SECRETS.hide
    monkeypatch.setattr(KNOWN_SECRETS, "hide", counted)
    ours, path = DiskRecords(tmp_path), tmp_path / "catalog.json"
    many = [replace(ORDER, id=f"order {number}") for number in range(200)]
    ours.change(lambda before: before.with_orders(many))
    searched.clear()
    ours.change(lambda before: before.with_orders([*before.ordered, replace(ORDER, id="last")]))
    assert sum(searched) * 20 < path.stat().st_size
    secret = token_urlsafe(40)
    KNOWN_SECRETS.add(secret)
    ours.change(lambda before: before.with_orders([*before.ordered, replace(ORDER, owner=secret)]))
    assert secret not in path.read_text()
    assert f'"owner": "{HIDDEN}"' in path.read_text()
    assert ours.load().ordered[-1].owner == HIDDEN, "what is on disk counts"

"""What is on disk is understood once: a run of 200 organizations looks at it thousands of times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.adapters.records import catalog
from aspm_ado.adapters.records.catalog import DiskRecords
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

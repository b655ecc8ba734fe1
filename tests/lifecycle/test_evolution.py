"""The catalogue over the years, and over two runs at once: damaged, newer or older, it is never overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from aspm_ado.adapters.records import codec
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.validate import validate_stored

from .machine import Machine, Person, asked

DAMAGE = {
    "cut short": lambda raw: raw[: len(raw) // 2],
    "empty": lambda raw: b"",
    "noise": lambda raw: b"\x00\xff" * 40,
    "another document": lambda raw: b'{"schema": "somebody/else/v1"}',
    "a credential that is not there": lambda raw: raw.replace(
        b'"credential": "', b'"credential": "x'
    ),
    "older than anything": lambda raw: raw.replace(b"catalog/v1", b"catalog/v0"),
    "newer": lambda raw: raw.replace(b"catalog/v1", b"catalog/v2"),
}
COMMANDS = {
    "connect": lambda here: connect(here.context(asked(register="guided")), None),
    "validate": lambda here: validate_stored(here.context(), []),
    "list": lambda here: here.context().records.load(),
}


@pytest.fixture
def here(handed_off) -> Machine:
    return handed_off


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_understood_is_said_and_left_alone(here, damage, name):
    path = here.folder / "catalog.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    before, secrets = path.read_bytes(), dict(here.secrets)
    with pytest.raises(StoreError) as caught:
        COMMANDS[name](here)
    assert int(caught.value.exit_code) == 7
    assert caught.value.reason is (
        Reason.RECORDS_NEWER if damage == "newer" else Reason.RECORDS_UNREADABLE
    )
    assert str(path) in caught.value.problem
    assert caught.value.remedy
    assert path.read_bytes() == before
    assert here.secrets == secrets


@pytest.mark.parametrize("way", ["a yes", "-y"])
def test_with_a_yes_it_is_set_aside_and_one_begins_again(here, way):
    """The tokens that only it names stay where they are: put back, it is whole again."""
    path = here.folder / "catalog.json"
    before, secrets = path.read_bytes(), dict(here.secrets)
    path.write_bytes(before[:-2])
    person = Person(begin_again=True, handoff="saved", go=True) if way == "a yes" else None
    given = asked(register="guided", **({} if person else {"yes": "true"}))
    assert int(connect(here.context(given, person), None).exit_code) == 0
    [aside] = here.folder.glob("catalog.json.damaged-*")
    assert aside.read_bytes() == before[:-2]
    assert str(aside) in here.stand.voice.text
    assert "aspm-ado cannot delete them" in here.stand.voice.text
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert secrets.items() <= here.secrets.items()
    path.write_bytes(before)
    assert int(validate_stored(here.context(), []).exit_code) == 0


@pytest.mark.parametrize("more", [{"dry_run": "true"}, {"store": "none"}, {"store": "None"}])
def test_a_run_that_stores_nothing_sets_nothing_aside(here, more):
    path = here.folder / "catalog.json"
    path.write_bytes(b"{")
    with pytest.raises(StoreError):
        connect(here.context(asked(register="guided", yes="true", **more)), None)
    assert path.read_bytes() == b"{"


def test_a_person_says_no(here):
    path = here.folder / "catalog.json"
    path.write_bytes(b"{")
    with pytest.raises(StoreError) as caught:
        connect(here.context(asked(register="guided"), Person(begin_again=False)), None)
    assert "aspm-ado connect" in caught.value.remedy
    assert path.read_bytes() == b"{"


def test_a_newer_one_is_refused_whatever_is_said(here):
    path = here.folder / "catalog.json"
    path.write_bytes(path.read_bytes().replace(b"catalog/v1", b"catalog/v2"))
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        connect(here.context(asked(register="guided", yes="true")), None)
    assert caught.value.reason is Reason.RECORDS_NEWER
    assert path.read_bytes() == before


@pytest.fixture
def an_older_version(monkeypatch):
    """v0, which never was: it called connections ``links``."""

    def migrate(document):
        return {
            **{key: value for key, value in document.items() if key != "links"},
            "connections": document["links"],
        }

    monkeypatch.setitem(codec.MIGRATIONS, 0, migrate)


def as_v0(here: Machine) -> bytes:
    path = here.folder / "catalog.json"
    document = json.loads(path.read_bytes())
    document["links"] = document.pop("connections")
    raw = json.dumps({**document, "schema": "aspm-ado/catalog/v0"}).encode()
    path.write_bytes(raw)
    return raw


def test_an_older_version_is_read_and_a_copy_kept_when_it_is_replaced(here, an_older_version):
    before = here.catalogue
    raw = as_v0(here)
    assert here.catalogue == before
    assert (here.folder / "catalog.json").read_bytes() == raw, "reading replaces nothing"
    assert int(validate_stored(here.context(), []).exit_code) == 0
    assert (here.folder / "catalog.json.v0").read_bytes() == raw
    assert (
        json.loads((here.folder / "catalog.json").read_bytes())["schema"] == "aspm-ado/catalog/v1"
    )
    assert here.catalogue.connections.keys() == before.connections.keys()
    COMMANDS["connect"](here)
    assert (here.folder / "catalog.json.v0").read_bytes() == raw


def test_an_older_version_that_is_damaged(here, an_older_version):
    (here.folder / "catalog.json").write_bytes(b'{"schema": "aspm-ado/catalog/v0"}')
    with pytest.raises(StoreError) as caught:
        COMMANDS["connect"](here)
    assert caught.value.reason is Reason.RECORDS_UNREADABLE
    assert not (here.folder / "catalog.json.v0").exists()


# Two runs at once


HOLD = """
import sys
from pathlib import Path
from aspm_ado.adapters.records.catalog import DiskRecords

with DiskRecords(Path(sys.argv[1]), command="aspm-ado rotate").exclusive():
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_run(here: Machine):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(here.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_run_names_the_first_and_looking_works_meanwhile(here):
    with another_run(here) as process:
        with pytest.raises(StoreError) as caught:
            COMMANDS["connect"](here)
        assert caught.value.reason is Reason.RECORDS_LOCKED
        assert f"Process {process.pid} (aspm-ado rotate" in caught.value.problem
        assert here.catalogue.connections.keys() == {"contoso"}
        assert int(validate_stored(here.context(), []).exit_code) == 0
    COMMANDS["connect"](here)
    here.assert_tidy()

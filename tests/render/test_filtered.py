"""No secret of the run leaves by stdout, stderr, a document or a file, whatever brought it into a text."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado.adapters.records.folder import Disk, PrivateFolder, replace_file
from aspm_ado.adapters.terminal.voice import TerminalVoice
from aspm_ado.cli.output import forget_document, write_document, write_lines
from aspm_ado.domain.known_secrets import HIDDEN, KNOWN_SECRETS
from aspm_ado.render.ending import closing, ending
from aspm_ado.render.formats import FORMATS
from aspm_ado.render.json import dump, report_document
from aspm_ado.render.text import line_rows, paint, plain_lines, sections, tickets

from . import reports

TOKEN = "q7Rf2Kd9Xw4Lm1Zs8Tb3Vc6Ny5Hj0Gp7Aq2Ue9Ir4Ok1Wd8Fx3Bz" + "JQQJ99BJACAAAAAAAAAAAAASAZDOWx9Z"
SAID = f"before {TOKEN} {TOKEN[5:30]} {TOKEN.encode().hex()} after"


def spoken(speak: Callable[[TerminalVoice], None]) -> str:
    stream = io.StringIO()
    voice = TerminalVoice(stream, quiet=False, color=True, width=60, live=True)
    speak(voice)
    return stream.getvalue()


def report() -> list[str]:
    made = reports.hostile()
    painted = io.StringIO()
    paint(tuple(sections(made)), painted, color=True, width=70)
    rows = plain_lines(tuple(sections(made)))
    end = [row for _, row in line_rows(ending(made, verbose=True), 70)]
    return [painted.getvalue(), *rows, *end, *closing(made, verbose=True), *tickets(made)]


def written(folder: Path) -> str:
    PrivateFolder(folder, Disk()).write("records.json", json.dumps({"name": SAID}).encode())
    return (folder / "records.json").read_text()


def filed(folder: Path, suffix: str) -> str:
    path = folder / f"report{suffix}"
    replace_file(path, FORMATS[suffix].render(reports.hostile()))
    return path.read_text()


def by_stdout(write: Callable[[], None], capsysbinary: pytest.CaptureFixture[bytes]) -> str:
    write()
    return capsysbinary.readouterr().out.decode()


WAYS: dict[str, Callable[[pytest.CaptureFixture[bytes], Path], str]] = {
    "say": lambda *_: spoken(lambda voice: voice.say(SAID)),
    "heading": lambda *_: spoken(lambda voice: voice.heading(SAID)),
    "note": lambda *_: spoken(lambda voice: voice.note(SAID)),
    "warn": lambda *_: spoken(lambda voice: voice.warn(SAID)),
    "error": lambda *_: spoken(lambda voice: voice.error(SAID, SAID)),
    "the trace of -v": lambda *_: spoken(lambda voice: voice.trace(SAID)),
    "progress": lambda *_: spoken(lambda voice: voice.progress(1, 3, SAID)),
    "lines": lambda capture, _: by_stdout(lambda: write_lines([SAID]), capture),
    "a document": lambda capture, _: by_stdout(
        lambda: write_document({"exit_code": 0, "detail": SAID}), capture
    ),
    "a document for a file": lambda *_: dump({"detail": [SAID, {"more": SAID}]}).decode(),
    "the document of a report": lambda *_: dump(report_document(reports.hostile())).decode(),
    "a report in tables and lines": lambda *_: "\n".join(report()),
    **{
        f"a file {suffix}": lambda _, folder, suffix=suffix: filed(folder, suffix)
        for suffix in FORMATS
        if FORMATS[suffix].is_available and suffix != ".ics"  # which has days alone
    },
    "records": lambda _, folder: written(folder),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_secret_leaves_by_any_other_way(way, capsysbinary, tmp_path, monkeypatch) -> None:
    forget_document()  # a process writes one; an earlier test may have
    KNOWN_SECRETS.add(TOKEN)
    monkeypatch.setattr(reports, "HOSTILE", SAID)
    folder = tmp_path / "records"
    folder.mkdir(0o700)
    left = way(capsysbinary, folder).replace("\n ", "").replace("\\", "")
    assert "before" in left
    assert HIDDEN in left
    forms = (TOKEN, TOKEN.encode().hex())
    assert not any(form[at : at + 12] in left for form in forms for at in range(len(form) - 11))


def test_keys_and_values_of_a_document_stay_whatever_is_secret() -> None:
    whole = dump(report_document(reports.every_status()))
    for word in ("pass", "not-ready", "organizations", "handed-off", "Wx9Z", "contoso", "guided"):
        KNOWN_SECRETS.add(word)
    assert dump(report_document(reports.every_status())) == whole


def test_a_big_document_is_in_memory_about_once() -> None:
    row = {
        "title": "Code",
        "detail": "Granted as far as it was asked.",
        "url": "https://dev.azure.com/a/_apis/b",
    }
    document = {"rows": [{"id": f"{number:036x}", **row} for number in range(15_000)]}
    tracemalloc.start()
    try:
        size = len(dump(document))
        assert tracemalloc.get_traced_memory()[1] < 2.5 * size
    finally:
        tracemalloc.stop()

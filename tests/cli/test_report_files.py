"""--report: refused before any request, written whole whenever there is a document, and never through a link."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado.adapters.records import folder as folder_module
from aspm_ado.cli.commands import COMMANDS
from aspm_ado.domain.questions import REPORT
from aspm_ado.render import formats
from aspm_ado.simulator import Simulator

from .conftest import Run, pat_of

ENDINGS = tuple(formats.FORMATS)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and links are of POSIX")


@pytest.fixture
def service(simulate: Callable[..., Simulator]) -> Simulator:
    return simulate("global")


@pytest.fixture
def validate(service: Simulator, token_file: Callable[..., str], run: Run) -> Run:
    file = token_file(pat_of(service))

    def run_here(*words: str) -> object:
        return run("validate -o contoso --pat-file", file, "--no-input", *words)

    return run_here  # type: ignore[return-value]


def reports(*paths: Path | str) -> list[str]:
    return [word for path in paths for word in ("--report", str(path))]


def test_the_commands_that_make_a_report_take_it() -> None:
    taking = {one.word for one in COMMANDS if REPORT in one.questions}
    assert taking == {"connect", "validate", "rotate", "migrate"}


def test_every_format_at_once_beside_the_document_on_stdout(validate: Run, tmp_path: Path) -> None:
    files = [tmp_path / f"out{ending.upper()}" for ending in ENDINGS]
    done = validate("--json", *reports(*files))
    assert done.code == 0
    assert all(file.stat().st_size > 100 for file in files)
    assert json.loads(files[-1].read_bytes()) == done.document
    assert sorted(tmp_path.iterdir()) == sorted([*files, tmp_path / "token.txt"]), (
        "something is left"
    )


def test_the_text_on_stdout_stays_as_it_is(validate: Run, tmp_path: Path) -> None:
    with_files = validate(*reports(tmp_path / "a.md"))
    assert with_files.out == validate().out
    assert with_files.err == validate().err


def test_the_variable_takes_a_list(
    validate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_REPORT", f"{tmp_path / 'a.md'}, {tmp_path / 'b.xml'}")
    assert validate().code == 0
    assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("# Ready")
    assert b"<testsuites" in (tmp_path / "b.xml").read_bytes()


def file_of(kind: str, tmp_path: Path) -> Path:
    path = tmp_path / "out.json"
    if kind == "a link":
        (tmp_path / "target.json").write_bytes(b"theirs")
        path.symlink_to(tmp_path / "target.json")
    elif kind == "a link to nothing":
        path.symlink_to(tmp_path / "nothing.json")
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "no folder":
        path = tmp_path / "absent" / "out.json"
    elif kind == "a file for a folder":
        (tmp_path / "file").write_bytes(b"")
        path = tmp_path / "file" / "out.json"
    else:
        path = tmp_path / kind
    return path


@POSIX
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("out.pdf", "input-invalid"),
        ("out", "input-invalid"),
        (".html", "input-invalid"),
        ("no folder", "file-unreadable"),
        ("a file for a folder", "file-unreadable"),
        ("a folder", "file-unreadable"),
        ("a pipe", "file-unreadable"),
        ("a link", "file-unreadable"),
        ("a link to nothing", "file-unreadable"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_request(
    kind: str, reason: str, validate: Run, run: Run, service: Simulator, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.json", file_of(kind, tmp_path)
    done = validate("--json", *reports(good, bad))
    assert (done.code, done.reason) == (2, reason)
    plan = run("migrate contoso -y --json --plan-file", str(bad))
    assert (plan.code, plan.reason) == (2, reason)
    assert service.requests == []
    assert not good.exists()
    if kind == "a link":
        assert (tmp_path / "target.json").read_bytes() == b"theirs"
        assert bad.is_symlink()


def spelled(spelling: str, records: Path, tmp_path: Path) -> Path:
    """A way to name the file ``catalog.json`` of our records, or one beside it."""
    if spelling == "through a link to the folder":
        (tmp_path / "link").symlink_to(records)
        return tmp_path / "link" / "catalog.json"
    if spelling == "through a link to the file":
        (tmp_path / "link.json").symlink_to(records / "catalog.json")
        return tmp_path / "link.json"
    if spelling == "by way of another folder":
        return records / ".." / records.name / "catalog.json"
    if spelling == "relative":
        return Path(os.path.relpath(records / "catalog.json"))
    return records / spelling


@pytest.mark.parametrize(
    "spelling",
    [
        "catalog.json",
        "draft.json",
        "new.md",
        pytest.param("through a link to the folder", marks=POSIX),
        pytest.param("through a link to the file", marks=POSIX),
        "by way of another folder",
        "relative",
    ],
)
@pytest.mark.parametrize("is_default", [False, True], ids=["named", "default"])
@pytest.mark.parametrize(
    "words",
    [("connect", "--report"), ("validate", "--report"), ("migrate", "a", "-y", "--plan-file")],
    ids=lambda words: words[0],
)
def test_no_file_of_the_configuration_is_written_over(
    words: tuple[str, ...],
    is_default: bool,
    spelling: str,
    run: Run,
    service: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    records = tmp_path / "records"
    records.mkdir(0o700)
    (records / "catalog.json").write_bytes(b"ours")
    given: tuple[str, ...] = ("--config-dir", str(records))
    if is_default:
        monkeypatch.setattr("aspm_ado.cli.report_files.default_folder", lambda _: records)
        given = ("--config-dir", str(tmp_path / "other"))
    done = run(*words, str(spelled(spelling, records, tmp_path)), *given, "--json", "--no-input")
    assert (done.code, done.reason) == (2, "input-invalid")
    assert "is in the configuration directory." in done.document["error"]["problem"]
    assert [(one.name, one.read_bytes()) for one in records.iterdir()] == [
        ("catalog.json", b"ours")
    ]
    assert service.requests == []


def test_no_file_that_the_run_reads_is_written_over(
    run: Run, service: Simulator, tmp_path: Path
) -> None:
    token = tmp_path / "token.json"
    token.write_text(pat_of(service))
    for value in (str(token), f"contoso={token}"):
        done = run("validate -o contoso --pat-file", value, "--json", *reports(token))
        assert (done.code, done.reason) == (2, "input-invalid")
        assert "is the file of --pat-file." in done.document["error"]["problem"]
    assert token.read_text() == pat_of(service)
    assert service.requests == []


@POSIX
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_leave_is_refused(validate: Run, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(0o500)
    assert validate(*reports(folder / "a.json")).code == 2


@pytest.mark.parametrize("ending", [".html", ".ics", ".prom"])
def test_without_the_extra_one_sentence_names_the_command(
    ending: str, validate: Run, service: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    done = validate("--json", *reports(tmp_path / f"a{ending}"))
    assert (done.code, done.reason) == (2, "extra-missing")
    assert "pip install 'aspm-ado[report]'" in done.document["error"]["remedy"]
    assert service.requests == []
    assert validate(*reports(*(tmp_path / f"a{one}" for one in (".json", ".md", ".xml")))).code == 0


def test_without_a_report_no_library_of_a_format_is_imported() -> None:
    """Nor the formats themselves: the start waits for none of them."""
    program = (
        "import sys; from aspm_ado.__main__ import main; main(['list']); "
        "sys.exit(any(m.split('.')[0] in ('jinja2', 'icalendar', 'prometheus_client', 'xml') "
        "or 'formats' in m for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0  # fmt: skip


@POSIX
def test_a_new_file_is_for_its_owner_alone_and_one_that_is_there_keeps_its_mode(
    validate: Run, tmp_path: Path
) -> None:
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.write_bytes(b"before")
    old.chmod(0o644)
    other_name = tmp_path / "other-name"
    os.link(old, other_name)
    umask = os.umask(0)
    try:
        assert validate(*reports(new, old)).code == 0
    finally:
        os.umask(umask)
    assert (new.stat().st_mode & 0o7777, old.stat().st_mode & 0o7777) == (0o600, 0o644)
    assert old.read_bytes() == new.read_bytes()
    assert other_name.read_bytes() == b"before", "written in place"


AD_HOC = ("validate",)
CONNECT = ("connect --store none --aspm-url https://aspm.example.test",)


@pytest.mark.parametrize(
    ("words", "scenario", "code"),
    [
        (AD_HOC, "missing-scope", 3),
        (AD_HOC, "expired", 4),
        (CONNECT, "global", 8),
        ((*CONNECT, "--register", "guided"), "global", 0),
    ],
)
def test_it_is_written_whatever_the_verdict(
    words: tuple[str, ...],
    scenario: str,
    code: int,
    simulate: Callable[..., Simulator],
    token_file: Callable[..., str],
    run: Run,
    tmp_path: Path,
) -> None:
    file, path = token_file(pat_of(simulate(scenario))), tmp_path / "a.json"
    done = run(*words, "-o", "contoso", "--pat-file", file, "--no-input", *reports(path))
    assert (done.code, json.loads(path.read_bytes())["exit_code"]) == (code, code)


def test_an_error_that_ends_the_run_is_in_it_and_usage_leaves_what_was_there(
    run: Run, service: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"before")
    assert run("validate nobody", *reports(path)).code == 2
    assert path.read_bytes() == b"before"
    records = tmp_path / "records"
    records.mkdir(0o700)
    (records / "catalog.json").write_bytes(b"{")
    (records / "catalog.json").chmod(0o600)
    done = run("validate --config-dir", str(records), "--json", *reports(path))
    assert done.code == 7
    assert json.loads(path.read_bytes())["error"] == done.document["error"]


def test_an_interrupt_keeps_what_was_found_out(
    validate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "a.json"
    monkeypatch.setattr("aspm_ado.cli.output._writing", stop)
    assert validate(*reports(path)).code == 130
    document = json.loads(path.read_bytes())
    assert (document["exit_code"], document["error"]["reason"]) == (130, "interrupted")
    assert document["connections"][0]["organizations"][0]["name"] == "contoso"


STOPPED = """
import os, signal, sys
from aspm_ado.__main__ import main
from aspm_ado.adapters.records.folder import Disk
left, *names = sys.argv[1].split(",")
left = int(left)

def watched(method):
    def step(self, *given):
        global left
        left -= 1
        if left < 1 and names:
            os.kill(os.getpid(), getattr(signal, names.pop(0)))
        return method(self, *given)
    return step

for each in ("open", "write", "fsync", "replace"):
    setattr(Disk, each, watched(getattr(Disk, each)))
sys.argv[1:2] = []
try:
    main()
finally:
    os._exit(99)
"""


@POSIX
@pytest.mark.parametrize("signals", ["SIGINT", "SIGTERM,SIGHUP,SIGTERM"])
def test_a_run_that_is_stopped_at_any_step_leaves_each_file_whole_and_nothing_beside_it(
    signals: str, service: Simulator, token_file: Callable[..., str], tmp_path: Path
) -> None:
    """A closing terminal sends several signals: one at a step of the disk, and one at each later step."""
    folder = tmp_path / "reports"
    folder.mkdir()
    file = folder / "a.json"
    words = ("validate", "-o", "contoso", "--pat-file", token_file(pat_of(service)), "--json")
    codes = []
    for step in range(1, 40):
        file.write_bytes(b"before")
        done = subprocess.run(
            [sys.executable, "-c", STOPPED, f"{step},{signals}", *words, *reports(file)],
            capture_output=True,
            check=False,
            timeout=60,
        )
        codes.append(done.returncode)
        assert list(folder.iterdir()) == [file]
        assert json.loads(done.stdout)["exit_code"] == done.returncode
        raw = file.read_bytes()
        assert raw == b"before" or json.loads(raw)["exit_code"] in (0, done.returncode)
        if done.returncode == 0:
            break
    assert len(codes) > 5
    assert set(codes[:-1]) == {130}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_late_failure_is_a_warning_and_7_and_the_others_are_written(
    as_json: bool, validate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = tmp_path / "bad.md", tmp_path / "good.xml"
    bad.write_bytes(b"before")
    replace = folder_module.Disk.replace

    def full(disk: folder_module.Disk, source: Path, target: Path) -> None:
        if target == bad:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(disk, source, target)

    monkeypatch.setattr(folder_module.Disk, "replace", full)
    done = validate(*reports(bad, good), *(["--json"] if as_json else []))
    assert done.code == 7
    said = " ".join(done.err.split())
    assert f"Warning: --report: {bad} cannot be written: No space left on device." in said
    if as_json:
        assert done.reason == "report-unwritten"
        assert done.document["connections"]
    else:
        assert "contoso" in done.out
        assert "(exit 0)" not in done.out
    assert bad.read_bytes() == b"before"
    assert good.exists()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_plan_is_no_report(run: Run, tmp_path: Path) -> None:
    done = run("migrate contoso --plan --json", *reports(tmp_path / "a.md"))
    assert (done.code, done.reason) == (2, "usage")
    assert "--plan-file" in done.document["error"]["remedy"]

"""Daily checks: each file is read by a parser of its format, and its command runs as far as it can here."""

from __future__ import annotations

import configparser
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

import pytest
import yaml

from aspm_ado.simulator import Simulator

from ..packaging.checkout import ROOT
from .stage import story
from .test_recipes import Job, parsed

PAGE = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SERVICE, TIMER = (text for language, text in BLOCKS if language == "ini")
PLIST, TASK = (text for language, text in BLOCKS if language == "xml")
GITHUB, AZURE = (yaml.safe_load(text) for language, text in BLOCKS if language == "yaml")
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")


def unit(text: str) -> configparser.ConfigParser:
    made = configparser.ConfigParser(interpolation=None)
    made.optionxform = str  # type: ignore[assignment,method-assign]
    made.read_string(text)
    return made


def commands() -> Iterator[tuple[str, list[str]]]:
    """The words of every scheduled command, by the page's heading."""
    yield "systemd", shlex.split(unit(SERVICE)["Service"]["ExecStart"])
    yield "launchd", plistlib.loads(PLIST.encode())["ProgramArguments"]
    task = ElementTree.fromstring(TASK)
    run = {one.tag.removeprefix(NAMESPACE): one.text or "" for one in task.iter()}
    yield "Task Scheduler", [run["Command"], *shlex.split(run["Arguments"].replace("\\", "/"))]
    for name, steps in (
        ("GitHub Actions", GITHUB["jobs"]["tokens"]["steps"]),
        ("Azure Pipelines", AZURE["steps"]),
    ):
        lines = [step.get("run") or step.get("script") or "" for step in steps]
        [line] = [line for line in lines if line.startswith("aspm-ado validate")]
        yield name, shlex.split(line)


@pytest.mark.parametrize(("name", "words"), list(commands()), ids=lambda found: str(found)[:16])
def test_each_schedule_validates_without_a_person_and_writes_a_report(
    name: str, words: list[str]
) -> None:
    program, *rest = words
    assert PureWindowsPath(program).stem == "aspm-ado"
    values = parsed(rest)
    assert values["command"] == "validate"
    assert values["no_input"] is True
    reports = values["report"]
    assert isinstance(reports, list | tuple)
    assert reports
    if name in ("GitHub Actions", "Azure Pipelines"):
        assert values["organization"] == ("contoso",)
    else:
        assert values["organization"] in (None, ()), "what is stored, in the person's session"


def test_each_runs_every_day() -> None:
    assert unit(TIMER)["Timer"]["OnCalendar"] == "*-*-* 06:00"
    assert unit(TIMER)["Install"]["WantedBy"] == "timers.target"
    assert plistlib.loads(PLIST.encode())["StartCalendarInterval"] == {"Hour": 6, "Minute": 0}
    task = ElementTree.fromstring(TASK)
    assert [one.text for one in task.iter(f"{NAMESPACE}DaysInterval")] == ["1"]
    principals = {one.get("id") for one in task.iter(f"{NAMESPACE}Principal")}
    assert principals == {one.get("Context") for one in task.iter(f"{NAMESPACE}Actions")}
    for schedules in (GITHUB[True]["schedule"], AZURE["schedules"]):  # YAML 1.1 reads `on` as true
        [one] = schedules
        assert re.fullmatch(r"\d+ \d+ \* \* \*", one["cron"])


def test_a_pipeline_publishes_what_it_wrote_also_when_it_fails() -> None:
    steps = GITHUB["jobs"]["tokens"]["steps"]
    assert GITHUB["permissions"] == {}
    [validate] = [step for step in steps if "validate" in step.get("run", "")]
    for step in steps[steps.index(validate) + 1 :]:
        assert "!cancelled()" in step["if"]
        shown = str(step.get("run", "")) + str(step.get("with", {}).get("path"))
        assert any(name in shown for name in re.findall(r"--report (\S+)", validate["run"]))
    steps = AZURE["steps"]
    [validate] = [step for step in steps if "validate" in step.get("script", "")]
    for step in steps[steps.index(validate) + 1 :]:
        assert step["condition"] == "succeededOrFailed()"
    [results] = [step["inputs"] for step in steps if "PublishTestResults" in step.get("task", "")]
    assert results["testResultsFiles"] in validate["script"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "aspm-ado"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    service = SERVICE.replace("%h/.local/bin/aspm-ado", str(program))
    (tmp_path / "aspm-ado.service").write_text(service)
    (tmp_path / "aspm-ado.timer").write_text(TIMER)
    for name in ("aspm-ado.service", "aspm-ado.timer"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        ours = [line for line in done.stderr.splitlines() if "aspm-ado" in line]
        assert (done.returncode, ours) == (0, [])
    day = unit(TIMER)["Timer"]["OnCalendar"]
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", day], capture_output=True, timeout=60, check=False
    )
    assert calendar.returncode == 0


@posix
@pytest.mark.parametrize("name", ["systemd", "launchd", "GitHub Actions", "Azure Pipelines"])
def test_the_command_of_each_writes_what_is_published(tmp_path: Path, name: str) -> None:
    told = story("global")
    places = {
        "%h/.local/bin/": "",
        "/Users/me/.local/bin/": "",
        "%S/aspm-ado": "state",
        "/Users/me/Documents": "state",
        "$(Build.ArtifactStagingDirectory)": "state",
    }
    with Simulator(told.scenario, world=told.world) as simulator:
        job = Job(tmp_path, simulator, told.token)
        (job.stage.folder / "state").mkdir()
        line = shlex.join(dict(commands())[name])
        for place, here in places.items():
            line = line.replace(place, here)
        job.secret("ado-pat", told.token)
        soon = (datetime.now(UTC) + timedelta(days=30)).date()
        connect = f"aspm-ado connect -o contoso --pat-file ado-pat --pat-expires {soon}"
        assert job.sh(f"{connect} --register none --no-input").returncode == 0
        variables = {"ASPM_ADO_PAT": told.token} if "-o contoso" in line else {}
        done = job.sh(line.replace("'", ""), **variables)
        assert done.returncode == 0, done.stderr
        for report in re.findall(r"--report (\S+)", line.replace("'", "")):
            text = (job.stage.folder / report).read_text(encoding="utf-8")
            assert "contoso" in text
            assert told.token not in text


def test_every_block_is_read() -> None:
    assert [language for language, _ in BLOCKS if language in ("ini", "xml", "yaml")] == [
        *("ini", "ini", "xml", "xml", "yaml", "yaml")
    ]
    shown = [text.split()[0] for language, text in BLOCKS if language in ("sh", "powershell")]
    assert shown == ["systemctl", "launchctl", "Register-ScheduledTask"]

"""The workflows ask for nothing that they do not need, and run nothing that can change under them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from .checkout import ROOT

WORKFLOWS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
EACH = pytest.mark.parametrize("name", sorted(WORKFLOWS))
PERMISSIONS = {
    "ci": {"linux": {"contents: read"}, "desktop": {"contents: read"}},
    "audit": {"dependencies": {"contents: read"}, "workflows": {"contents: read"}},
    "nightly": {"fuzz": {"contents: read"}},
    "release": {
        "test": {"contents: read"},
        "build": {"contents: read"},
        "describe": {"contents: read"},
        "attest": {"id-token: write", "attestations: write"},
        "publish": {"id-token: write"},
        "assets": {"contents: write"},
    },
    "scorecard": {"scorecard": {"contents: read", "actions: read", "security-events: write"}},
    "codeql": {"analyze": {"contents: read", "security-events: write"}},
}
"""What each job may do. Whoever adds to this says why beside it in the workflow."""


def jobs(name: str) -> dict[str, str]:
    """The text of each job."""
    parts = re.split(
        r"^  ([a-z]+):\n", WORKFLOWS[name].partition("\njobs:\n")[2], flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_workflow_is_listed_here() -> None:
    assert set(WORKFLOWS) == set(PERMISSIONS)


@EACH
def test_nothing_is_granted_at_the_top_and_little_to_each_job(name: str) -> None:
    assert re.search(r"^permissions: \{\}$", WORKFLOWS[name], re.MULTILINE)
    granted = {
        job: set(re.findall(r"^      ([a-z-]+: (?:read|write))\b", text, re.MULTILINE))
        for job, text in jobs(name).items()
    }
    assert granted == PERMISSIONS[name]
    assert "write-all" not in WORKFLOWS[name]


@EACH
def test_every_action_is_pinned_to_a_commit_and_says_its_version(name: str) -> None:
    used = re.findall(r"uses: (.*)", WORKFLOWS[name])
    assert used
    assert [
        use for use in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)
    ] == []


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    used = {
        tuple(use.split("@"))
        for text in WORKFLOWS.values()
        for use in re.findall(r"uses: (\S+)", text)
    }
    assert len({action for action, _ in used}) == len(used)


@EACH
def test_every_tool_of_a_workflow_has_its_version(name: str) -> None:
    installed = re.findall(r"pip install (.*)", WORKFLOWS[name])
    loose = [
        what for what in installed if not re.search(r"==\d|floors\.py|-e |--require-hashes", what)
    ]
    assert loose == []


@EACH
def test_no_secret_and_no_text_of_a_stranger_reaches_a_shell(name: str) -> None:
    text = WORKFLOWS[name]
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for step in re.findall(r"run: (?:\|\n(?:          .*\n)+|.*)", text):
        assert "github.event" not in step
        assert "github.head_ref" not in step
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@EACH
def test_every_job_ends(name: str) -> None:
    assert all("timeout-minutes:" in text for text in jobs(name).values())


@EACH
def test_it_is_good_yaml_and_its_scripts_are_good_shell(name: str) -> None:
    document = yaml.safe_load(WORKFLOWS[name])
    assert set(document) == {
        "name",
        True,
        "permissions",
        "jobs",
        *({"concurrency"} & set(document)),
    }  # “on” is a yes
    for job in document["jobs"].values():
        needs = job.get("needs", [])
        assert ({needs} if isinstance(needs, str) else set(needs)) <= set(document["jobs"])
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if "run" in step and shutil.which("bash"):
                script = re.sub(r"\$\{\{.*?\}\}", "x", step["run"])
                assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0, (
                    script
                )


def test_at_night_everything_runs_that_is_longer_at_night() -> None:
    """Each folder with properties of hypothesis, or with tests that ask whether it is night."""
    [job] = yaml.safe_load(WORKFLOWS["nightly"])["jobs"].values()
    assert job["env"] == {"ASPM_ADO_TESTS": "nightly"}
    run = " ".join(step.get("run", "") for step in job["steps"]).split()
    longer = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"^@given|\bNIGHT\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert longer <= set(run), "add it to nightly.yml"
    assert all((ROOT / word).exists() for word in run if word.startswith("tests/"))


def test_at_night_the_sweeps_of_crashes_run() -> None:
    """Killed, without space, with a keyring that lies, and two runs at once: at every step."""
    run = WORKFLOWS["nightly"].split()
    sweeps = (
        "adapters/catalog",
        "adapters/vault",
        "flows",
        "keyring",
        "lifecycle",
        "minting",
        "steps",
    )
    assert {f"tests/{folder}" for folder in sweeps} <= set(run)


def test_every_python_is_tried() -> None:
    for version in ("3.11", "3.12", "3.13", "3.14"):
        assert WORKFLOWS["ci"].count(f'"{version}"') == 2


def test_only_what_was_built_tested_and_attested_is_published() -> None:
    release = jobs("release")
    assert "needs: [test, build, attest]" in release["publish"]
    assert "needs: publish" in release["assets"]
    assert "environment: release" in release["publish"]
    assert "password" not in release["publish"], "trusted publishing has none"
    for job in ("attest", "publish", "assets"):
        assert "checkout" not in release[job]
        assert ("run:" in release[job]) == (job == "assets"), "nothing beside the right to sign"


def test_what_is_published_is_built_apart_from_its_tests_by_tools_of_known_bytes() -> None:
    release = jobs("release")
    assert ".ci/run" in release["test"]
    assert "pytest" not in release["build"]
    assert ".ci/run" not in release["build"]
    assert "needs:" not in release["build"]
    assert "--no-isolation" in release["build"], "an isolated build downloads its backend anew"
    for job, tools in (("build", "build"), ("describe", "describe")):
        assert f"--require-hashes --no-deps -r .ci/{tools}-tools.txt" in release[job]


@pytest.mark.parametrize("tools", ["build", "describe"])
def test_every_tool_of_a_release_is_pinned_by_its_hash(tools: str) -> None:
    text = (ROOT / ".ci" / f"{tools}-tools.txt").read_text(encoding="utf-8")
    rows = re.sub(r"^#.*\n", "", text).replace("\\\n", " ").splitlines()
    assert rows
    loose = [
        row
        for row in rows
        if not re.fullmatch(r"[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", row)
    ]
    assert loose == []


def test_a_release_carries_its_files_attestations_and_constraints() -> None:
    release = jobs("release")
    for asset in ("dist/*", "described/*", "provenance.sigstore.jsonl", "sbom.sigstore.jsonl"):
        assert asset in release["assets"]
    assert "constraints.txt" in release["describe"]
    assert not list(ROOT.glob("**/constraints*.txt")), "made at release time, and not committed"


def test_dependencies_are_updated_and_somebody_owns_what_secrets_depend_on() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    assert {one["package-ecosystem"] for one in updates["updates"]} == {"github-actions", "pip"}
    owners = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8")
    rows = [row.split() for row in owners.splitlines() if row and not row.startswith("#")]
    assert all((ROOT / path.strip("/*")).exists() and whose.startswith("@") for path, whose in rows)


def test_whoever_finds_a_hole_knows_whom_to_tell_and_what_comes_then() -> None:
    page = (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8")
    for part in ("Report a vulnerability", "3 working days", "## Supported versions"):
        assert part in page


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_releases_with_known_holes_are_out_of_range() -> None:
    """The first release without a hole that concerns a program like ours; docs/decisions.md tells the holes."""
    holes = {"requests": "2.33.0", "urllib3": "2.8.0", "filelock": "3.20.3", "typer": "0.23.0"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = dict(re.fullmatch(r"([\w-]+)(.*)", one).groups() for one in project["dependencies"])  # type: ignore[union-attr]
    page = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    for name, good in holes.items():
        [floor] = re.findall(r">=([\d.]+)", ranges[name])
        assert numbers(floor) >= numbers(good)[: len(numbers(floor))], name
        assert f"**`{name}>={floor}" in page, name
    assert "<0.29" in ranges["typer"], "0.29 imports pydantic for every option"
    assert "<0.8" in ranges["wcwidth"], "0.8 brought 5 MB"
    assert all(
        re.search(r"<\d", one.partition(";")[0])
        for one in project["dependencies"]
        if "truststore" not in one
    )

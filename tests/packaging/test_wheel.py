"""The wheel, built and installed as a stranger would, far from the checkout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from aspm_ado import __version__

from .checkout import ENVIRONMENT, ROOT

SEALED = re.compile(
    r"PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|(?:ASPM_ADO|INVICTI|KONDUKTO|AZURE_DEVOPS)_\w+"
)
NO_NETWORK = re.compile(
    r"NewConnectionError|Max retries|name resolution|unreachable|ConnectTimeout", re.IGNORECASE
)


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in ENVIRONMENT.items() if not SEALED.fullmatch(name)}
    return subprocess.run(
        words,
        cwd=cwd,
        env={**environment, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def pip(python: str | Path, *words: str | Path, cwd: Path) -> None:
    ran = run(python, "-m", "pip", "--disable-pip-version-check", *words, cwd=cwd)
    if ran.returncode and not ENVIRONMENT.get("CI") and NO_NETWORK.search(ran.stdout + ran.stderr):
        pytest.skip("no network here: pip cannot reach an index of packages")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "-q", ROOT, "--no-deps", "-w", folder, cwd=folder)
    [made] = folder.glob("*.whl")
    return made


def test_the_wheel_holds_what_the_source_holds_and_no_more(wheel: Path) -> None:
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "aspm_ado").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(
            next(name for name in names if name.endswith("dist-info/METADATA"))
        ).decode()
        entry_points = archive.read(
            next(name for name in names if name.endswith("entry_points.txt"))
        ).decode()
    held = {name for name in names if ".dist-info/" not in name}
    assert held == source
    assert "aspm_ado/py.typed" in held
    assert "aspm_ado/simulator/scenarios.py" in held
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "\n# aspm-ado\n" in metadata
    assert "aspm-ado = aspm_ado.__main__:main" in entry_points


def test_installed_into_an_environment_of_its_own_it_runs(wheel: Path, tmp_path: Path) -> None:
    made = run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip(
        sys.executable,
        "--python",
        programs / "python",
        "install",
        "-q",
        "--no-compile",
        wheel,
        cwd=tmp_path,
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    version = run(programs / "aspm-ado", "--version", cwd=elsewhere)
    assert (version.returncode, version.stdout) == (0, f"aspm-ado {__version__}\n")

    played = run(programs / "aspm-ado", "demo", "--no-input", cwd=elsewhere)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "simulation" in played.stderr

    told = run(programs / "aspm-ado", "demo", "--no-input", "--json", cwd=elsewhere)
    document = json.loads(told.stdout)
    assert (told.returncode, document["schema"], document["verdict"]) == (
        0,
        "aspm-ado/report/v1",
        "ready-with-warnings",
    )
    assert list(elsewhere.iterdir()) == []

    module = run(
        programs / "python", "-c", "import aspm_ado; print(aspm_ado.__file__)", cwd=elsewhere
    )
    assert str(ROOT) not in module.stdout

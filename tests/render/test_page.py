"""The page of --report in a headless Chromium, where one is installed; axe-core comes from npm (.ci/run)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from aspm_ado.domain.report import Report
from aspm_ado.render.formats import FORMATS

from .reports import error_alone, every_status
from .test_formats import NAMES, named, with_people

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")  # fmt: skip
AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--enable-logging=stderr", "--window-size=1600,3000", "--virtual-time-budget=5000")  # fmt: skip
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is here")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="axe-core is not below build/axe")


def every_name() -> Report:
    [first, *_] = named(NAMES[0]).connections
    organizations = [named(name).connections[0].organizations[0] for name in NAMES]
    return replace(
        named(NAMES[0]), connections=(replace(first, organizations=tuple(organizations)),)
    )


REPORTS = {
    "every status": with_people(every_status()),
    "an error": error_alone(),
    "hostile names": every_name(),
}


def shown(page: bytes, tmp_path: Path, *words: str) -> tuple[str, str]:
    """The page as the browser has it, and what it says on its console."""
    file = tmp_path / "page.html"
    file.write_bytes(page)
    done = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", *words, "--dump-dom", file.as_uri()],
        capture_output=True,
        timeout=120,
        check=True,
    )  # fmt: skip
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return done.stdout.decode(), "\n".join(said)


@needs_chromium
@pytest.mark.parametrize("name", REPORTS)
def test_the_browser_has_nothing_to_say_of_the_page(name: str, tmp_path: Path) -> None:
    page = FORMATS[".html"].render(REPORTS[name])
    _, said = shown(page, tmp_path)
    assert said == ""


@needs_chromium
def test_another_style_or_a_script_is_not_taken(tmp_path: Path) -> None:
    """So the policy is one that works; what a name cannot do, a mistake of ours cannot either."""
    page = FORMATS[".html"].render(every_status())
    forged = page.replace(
        b"</main>", b"<script>document.title='run'</script><style>p{}</style></main>"
    )
    dom, said = shown(forged, tmp_path)
    assert "<title>run" not in dom
    assert said.count("Content Security Policy") == 2


@needs_chromium
@needs_axe
@pytest.mark.parametrize("width", [500, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_nothing_in_light_and_dark_with_all_unfolded(
    name: str, scheme: str, width: int, tmp_path: Path
) -> None:
    page = FORMATS[".html"].render(REPORTS[name])
    open_page = re.sub(rb"<meta http-equiv[^>]*>", b"", page).replace(
        b"<details>", b"<details open>"
    )
    run = "axe.run().then(r => { document.body.textContent = JSON.stringify(r.violations) })"
    script = f"<script>{AXE.read_text(encoding='utf-8')}</script><script>{run}</script></body>"
    words = [f"--window-size={width},3000"]
    if scheme == "dark":
        words.append("--blink-settings=preferredColorScheme=0")
    dom, _ = shown(open_page.replace(b"</body>", script.encode()), tmp_path, *words)
    [found] = re.findall(r"<body>(.*)</body>", dom, re.DOTALL)
    assert [(one["id"], one["nodes"][0]["html"]) for one in json.loads(unescape(found))] == []


@needs_chromium
@pytest.mark.parametrize("width", [500, 975, 977, 1000, 1600])
@pytest.mark.parametrize("name", ["every status", "hostile names"])
def test_no_table_is_wider_than_the_window(name: str, width: int, tmp_path: Path) -> None:
    """So what to do is in sight without scrolling sideways."""
    page = re.sub(rb"<meta http-equiv[^>]*>", b"", FORMATS[".html"].render(REPORTS[name]))
    page = page.replace(b"<details>", b"<details open>")
    measure = "[document.documentElement, ...document.querySelectorAll('.wide')].map(e => e.scrollWidth - e.clientWidth)"
    script = f"<script>document.body.textContent = JSON.stringify({measure})</script></body>"
    open_page = page.replace(b"</body>", script.encode())
    dom, _ = shown(open_page, tmp_path, f"--window-size={width},900")
    [found] = re.findall(r"<body>(.*)</body>", dom, re.DOTALL)
    assert set(json.loads(found)) == {0}

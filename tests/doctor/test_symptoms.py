"""From facts to rows, without a machine."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import aspm_ado
from aspm_ado.domain import doctor as rules
from aspm_ado.domain.azure.place import SERVICES_HOSTS
from aspm_ado.domain.doctor import (
    OURS,
    FolderFacts,
    Health,
    Host,
    HostResult,
    ProxyUse,
    Software,
    Subject,
)
from aspm_ado.domain.http import Call, Origin, Reply
from aspm_ado.domain.reasons import Problem, Reason
from aspm_ado.domain.stored import RegistrationState, Successor, TokenOrder

from ..domain import replies
from .stored import CREDENTIAL, catalogue, entry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERVICES = "https://dev.azure.com"


def test_every_variable_that_the_program_reads_is_known_as_ours() -> None:
    """A leading underscore marks those by which a script of completion asks; nobody sets them."""
    source = Path(aspm_ado.__file__).parent
    named = {
        name
        for path in source.rglob("*.py")
        for name in re.findall(r"(?<!_)ASPM_ADO_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))
    }
    assert named <= OURS


def test_a_slip_of_the_pen_in_a_variable_is_pointed_out() -> None:
    found = rules.variables(["ASPM_ADO_ORGANISATION", "ASPM_ADO_PAT", "PATH"])
    assert found.health is Health.WARN
    assert "Unknown: ASPM_ADO_ORGANISATION." in found.detail
    assert "PATH" not in found.detail


def test_old_names_are_pointed_out() -> None:
    found = rules.variables(["KONDUKTO_TOKEN", "TERM"])
    assert (found.health, found.remedy) == (
        Health.WARN,
        "KONDUKTO_TOKEN is deprecated; use INVICTI_ASPM_TOKEN.",
    )


def test_variables_in_order_are_named() -> None:
    found = rules.variables(["https_proxy", "CI", "HOME", "ASPM_ADO_STORE"])
    assert (found.health, found.detail) == (Health.OK, "ASPM_ADO_STORE, CI, https_proxy.")
    assert rules.variables(["HOME"]).detail == "None that apply here."


def test_a_missing_dependency_is_a_warning() -> None:
    *_, found = rules.software(
        Software("1", "p", "l", "o", (("requests", "2.34"), ("keyring", None)))
    )
    assert (found.health, found.detail) == (
        Health.WARN,
        "Not installed: keyring. Installed: requests 2.34.",
    )


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (date(2026, 12, 1), "2026-12-01 (here), 8 days from today by"),
        (date(2026, 11, 23), "2026-11-23 (here), today by"),
        (date(2026, 11, 1), "2026-11-01 (here), 22 days ago by"),
        (None, "Never (here)."),
    ],
)
def test_the_day_of_retirement_is_told_with_its_source(end: date | None, words: str) -> None:
    assert rules.retirement(end, "here", NOON.date()).detail.startswith(words)


@pytest.mark.parametrize(
    ("facts", "health", "words"),
    [
        (FolderFacts("/c", False, None, 10**9), "ok", "does not exist yet"),
        (FolderFacts("/c", True, 0o700, 10**9), "ok", "/c (mode 0700), private."),
        (FolderFacts("/c", True, None, 10**9), "ok", "/c, private."),
        (FolderFacts("/c", True, 0o755, 10**9), "warn", "other users can read it"),
    ],
)
def test_a_folder(facts: FolderFacts, health: str, words: str) -> None:
    found, space = rules.folder(facts)
    assert found.health == health
    assert words in found.detail
    assert (space.health, space.detail) == ("ok", "953 MiB.")


def test_little_space_is_a_warning_and_unknown_space_is_not() -> None:
    assert [*rules.folder(FolderFacts("/c", True, 0o700, 4096))][1].health is Health.WARN
    assert [*rules.folder(FolderFacts("/c", True, 0o700, None))][1].health is Health.SKIP


def test_damaged_records_that_were_set_aside_are_not_forgotten() -> None:
    assert rules.aside(FolderFacts("/c", True)).health is Health.OK
    found = rules.aside(FolderFacts("/c", True, aside=("catalog.json.damaged-20261015-120000",)))
    assert found.health is Health.WARN
    assert "catalog.json.damaged-20261015-120000 in /c" in found.detail


def test_nothing_unfinished_is_said_as_such() -> None:
    assert {
        (row.health, row.detail) for row in rules.unfinished_work(catalogue(entry("contoso")))
    } == {("ok", "None.")}


def test_unfinished_work_names_the_command_to_run() -> None:
    successor = Successor(CREDENTIAL, ("fabrikam",))
    found = {
        row.subject: row
        for row in rules.unfinished_work(
            catalogue(
                entry("contoso", state=RegistrationState.HANDED_OFF),
                entry("rotating", successors={"new": successor}),
                pending={"late": ("aspm-ado:canary",)},
                erasing=("aspm-ado:canary", "aspm-ado:other"),
                ordered=(
                    TokenOrder("0a1b2c3d", "Contoso", "aspm-ado Contoso 20261015 0a1b2c3d", "", ""),
                ),
            )
        )
    }
    assert {row.health for row in found.values()} == {Health.WARN}
    assert found[Subject.PENDING].remedy == "To continue, run: aspm-ado connect late"
    assert found[Subject.SUCCESSORS].remedy == "To continue, run: aspm-ado handoff rotating"
    assert found[Subject.HANDOFF].remedy == "To continue, run: aspm-ado handoff contoso"
    assert found[Subject.HANDOFF].reason is Reason.HANDED_OFF
    assert "aspm-ado Contoso 20261015 0a1b2c3d" in found[Subject.ORDERED].detail
    assert found[Subject.ERASING].detail.startswith("2 not deleted")
    assert "canary" not in repr(found)


def test_a_draft_is_told_by_its_names() -> None:
    assert rules.draft(None).health is Health.OK
    found = rules.draft({"purpose": "alm", "organization": "canary"})
    assert found.health is Health.WARN
    assert "organization, purpose." in found.detail
    assert "canary" not in found.detail


def test_services_are_in_use_when_nothing_else_is_stored() -> None:
    assert [target.name for target in rules.hosts_in_use(catalogue(), None)] == [*SERVICES_HOSTS]


def test_hosts_in_use_are_each_named_once() -> None:
    stored = catalogue(
        entry("a", "https://tfs.corp:8443/tfs", aspm="https://aspm.example", ca_bundle="/ca.pem"),
        entry("b", "https://tfs.corp:8443/tfs", aspm="https://aspm.example", ca_bundle="/ca.pem"),
        entry("c", "http://old.corp/tfs", allow_http=True),
    )
    found = rules.hosts_in_use(stored, None)
    assert [target.name for target in found] == ["tfs.corp:8443", "old.corp", "aspm.example"]
    assert [target.ca_bundle for target in found] == ["/ca.pem", None, "/ca.pem"]


def test_services_come_first_and_with_each_ca_that_is_recorded() -> None:
    stored = catalogue(
        entry("a", SERVICES, ca_bundle="/x"), entry("b", "https://tfs.corp"), entry("c", SERVICES)
    )
    found = [(target.name, target.ca_bundle) for target in rules.hosts_in_use(stored, None)]
    assert found == [*((host, "/x") for host in SERVICES_HOSTS), *((host, None) for host in SERVICES_HOSTS),
                     ("tfs.corp", None)]  # fmt: skip


def test_a_simulation_has_one_host() -> None:
    (target,) = rules.hosts_in_use(
        catalogue(entry("a", "https://tfs.corp")), "http://127.0.0.1:4711"
    )
    assert target.name == "127.0.0.1:4711"


def test_proxies_are_told_by_host_and_variable() -> None:
    through = ProxyUse("proxy.corp:3128", "HTTPS_PROXY", signs_in=True)
    found = rules.proxies(
        {"a": through, "b": through, "c": ProxyUse(exempt="no_proxy"), "d": ProxyUse()}
    )
    assert found.health is Health.OK
    assert found.detail == (
        "a, b: through proxy.corp:3128 (HTTPS_PROXY, with a sign-in); c: direct (no_proxy); d: direct."
    )


def test_a_proxy_that_cannot_be_used_fails() -> None:
    found = rules.proxies({"a": ProxyUse("socks5://p:1080", "ALL_PROXY", usable=False)})
    assert (found.health, found.reason) == (Health.FAIL, Reason.PROXY_FAILED)
    assert "ALL_PROXY" in (found.remedy or "")


def at(url: str, base_url: str = "") -> Host:
    return Host(Origin.of(url), base_url)


FINE = ("Fine.", "Fine.", "Fine.")


def test_steps_behind_a_failed_one_are_skipped() -> None:
    broken = Problem(Reason.NAME_UNRESOLVED, "No such name.", "Check it.")
    name, connect, tls = rules.host_checks(HostResult(at("https://tfs.corp"), (), broken, 7))
    assert (name.health, name.reason, name.milliseconds) == ("fail", "name-unresolved", 7)
    assert [(row.health, row.reason) for row in (connect, tls)] == [("skip", "not-asked")] * 2


def test_plain_http_is_a_warning_except_on_this_machine() -> None:
    *_, far = rules.host_checks(HostResult(at("http://tfs.corp"), FINE[:2]))
    *_, near = rules.host_checks(HostResult(at("http://127.0.0.1:1"), FINE[:2]))
    assert (far.health, far.reason) == ("warn", "http-refused")
    assert near.health == "skip"


def answered(url: str, received: datetime | None) -> Reply:
    return Reply(Call("GET", url), 401, received=received, problem="" if received else "Cut.")


@pytest.mark.parametrize(
    ("skew", "health", "words"),
    [
        (timedelta(0), "ok", "Correct"),
        (timedelta(minutes=5), "ok", "Correct"),
        (timedelta(minutes=-6), "warn", "6 minutes behind"),
        (timedelta(hours=3), "warn", "3 hours ahead"),
        (timedelta(days=1), "warn", "24 hours ahead"),
        (timedelta(days=2), "fail", "2 days ahead"),
        (timedelta(days=-366), "fail", "366 days behind"),
    ],
)
def test_the_clock_is_judged_by_the_date_of_an_answer(
    skew: timedelta, health: str, words: str
) -> None:
    found = rules.clock(answered("https://x/y", NOON), NOON + skew, simulated=False)
    assert found.health == health
    assert found.detail.startswith(words)
    assert "GET https://x/y" in found.detail


def test_a_clock_that_cannot_be_compared_is_skipped() -> None:
    cut, simulated = answered("https://x", None), answered("https://x", NOON - timedelta(days=9))
    assert rules.clock(None, NOON, simulated=False).health is Health.SKIP
    assert rules.clock(cut, NOON, simulated=False).health is Health.SKIP
    assert rules.clock(simulated, NOON, simulated=True).health is Health.SKIP


def test_the_time_is_asked_of_the_documented_address_where_its_host_is_reached() -> None:
    down = Problem(Reason.UNREACHABLE, "p", "r")
    dev, app = at(SERVICES, SERVICES), at("https://app.vssps.visualstudio.com", SERVICES)
    server = at("https://tfs.corp", "https://tfs.corp/tfs")
    aspm = at("https://aspm.example")

    def up(host: Host) -> HostResult:
        return HostResult(host, FINE)

    assert rules.date_url([up(dev), up(app)]) == (
        "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1",
        None,
    )
    assert rules.date_url([up(dev), HostResult(app, FINE[:2], down)]) == (
        "https://dev.azure.com/",
        None,
    )
    assert rules.date_url([up(server)]) == (
        "https://tfs.corp/tfs/_apis/projectCollections?api-version=5.0",
        None,
    )
    assert rules.date_url([up(aspm), HostResult(dev, (), down)]) is None


@pytest.mark.parametrize(
    "reply",
    [
        replies.reply(200, "<html>Hotel</html>", replies.HTML),
        replies.reply(302, "", (("Location", "http://wifi.example/"),)),
        replies.reply(401, "{}", replies.JSON),
    ],
)
def test_what_answers_in_place_of_azure_devops_gives_no_date(reply: Reply) -> None:
    """The page of a network that wants a sign-in is not the clock of Azure DevOps."""
    url = "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1"
    came = replace(reply, call=Call("GET", url), received=NOON)
    found = rules.clock(came, NOON, simulated=False)
    assert (found.health, int(found.exit_code)) == (Health.FAIL, 5)
    assert found.detail.startswith("Could not check. ")


def test_the_answer_of_azure_devops_gives_the_date() -> None:
    url = "https://app.vssps.visualstudio.com/_apis/profile/profiles/me?api-version=7.1"
    came = replace(replies.missing(), call=Call("GET", url), received=NOON)
    assert rules.clock(came, NOON, simulated=False).health is Health.OK

"""What a purpose demands, what a deployment can show, the plan of probes, and the settings of the form."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from itertools import combinations, product

import pytest

from aspm_ado.domain.aspm.api import ACCESS, CREATE, FETCH, LABELS, settings_for
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import API_VERSIONS, newest_common
from aspm_ado.domain.azure.requests import Caller
from aspm_ado.domain.azure.scopes import (
    SCOPES,
    Level,
    Probe,
    Scope,
    boxes_of,
    highest_probes,
    probes_for,
    rows_of,
)
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.rules.classify import server_version
from aspm_ado.domain.secret import Secret

from . import replies as r

SERVICES, SERVER = Deployment.SERVICES, Deployment.SERVER
ALM, BOTH, ISSUES = Purpose.ALM, Purpose.ALM_AND_ISSUE_MANAGER, Purpose.ISSUE_MANAGER
VERSIONS = ("7.1", "7.0", "6.0", "5.0")
ABSENT_WORK_ITEM = "_apis/wit/workItems/2147483647"


def needed_levels(purpose: Purpose) -> dict[Scope, Level]:
    return {row.scope: row.needed[purpose] for row in rows_of(purpose)}


def test_the_levels_of_each_purpose() -> None:
    four = {
        Scope.CODE: Level.FULL,
        Scope.WORK: Level.MANAGE,
        Scope.IDENTITY: Level.MANAGE,
        Scope.PROFILE: Level.WRITE,
    }
    assert needed_levels(ALM) == four
    assert needed_levels(BOTH) == {
        **four,
        Scope.PROJECT: Level.MANAGE,
        Scope.FULL_ACCESS: Level.FULL,
    }
    assert needed_levels(ISSUES) == {Scope.PROJECT: Level.MANAGE, Scope.WORK: Level.MANAGE}


def test_the_boxes_that_a_person_ticks_are_in_page_order() -> None:
    assert [str(box) for box in boxes_of(ALM)] == [
        "Code: Full",
        "Identity: Read & manage",
        "User Profile: Read & write",
        "Work Items: Read, write, & manage",
    ]
    assert [str(box) for box in boxes_of(BOTH)] == ["Scopes: Full access"]
    assert [str(box) for box in boxes_of(ISSUES)] == [
        "Project and Team: Read, write, & manage",
        "Work Items: Read, write, & manage",
    ]
    for purpose in Purpose:
        assert all(row.box(row.needed[purpose]).vso for row in rows_of(purpose))
        labels = [box.category for box in boxes_of(purpose)]
        assert labels == sorted(labels)


# scope · Services · Server 5.0, 6.0, 7.0, 7.1 (facts, sections 3b and 7)
PROVABLE = [
    (Scope.CODE, Level.MANAGE, (Level.MANAGE,) * 4),
    (Scope.WORK, Level.MANAGE, (Level.WRITE,) * 4),
    (Scope.IDENTITY, Level.READ, (Level.NONE, Level.READ, Level.READ, Level.READ)),
    (Scope.PROFILE, Level.WRITE, (Level.NONE, Level.NONE, Level.NONE, Level.WRITE)),
    (Scope.PROJECT, Level.MANAGE, (Level.MANAGE,) * 4),
]


@pytest.mark.parametrize(("scope", "services", "server"), PROVABLE)
def test_what_an_answer_can_show(scope: Scope, services: Level, server: tuple[Level, ...]) -> None:
    for version in VERSIONS:
        assert SCOPES[scope].provable(SERVICES, version) is services
    assert (
        tuple(SCOPES[scope].provable(SERVER, version) for version in reversed(VERSIONS)) == server
    )


@pytest.mark.parametrize(
    ("latest", "spoken"),
    [("5.0", "5.0"), ("5.1", "5.0"), ("6.0", "6.0"), ("6.1", "6.0"), ("7.0", "7.0"), ("7.1", "7.1"), ("7.2", "7.1"),
     ("8.0", "7.1"), ("10.0", "7.1"), ("4.1", "5.0")],
)  # fmt: skip
def test_the_newest_version_that_both_speak(latest: str, spoken: str) -> None:
    assert newest_common(latest) == spoken
    call = Call("GET", "https://tfs.example.test/tfs/Main/_apis/projects?api-version=99.0")
    key = '"typeKey":"VssVersionOutOfRangeException"'
    for words in (
        f"The requested REST API version of 99.0 is out of range for this server. The latest REST "
        f"API version this server supports is {latest}.",
        f"Die angeforderte REST-API-Version 99.0 liegt außerhalb. Neueste Version: {latest}.",
        f"此服务器支持的最新版本为{latest}。请求的版本为99.0。",
    ):
        told = r.reply(400, f'{{"message":"{words}",{key}}}', r.MARKS, r.JSON)
        assert server_version(replace(told, call=call)) == spoken
    other = '{"message":"This is 7.1.","typeKey":"VssServiceException"}'
    assert not server_version(r.reply(400, other, r.MARKS, r.JSON))


@pytest.mark.parametrize(
    "answer",
    [None, r.silence(), r.bare(), r.reply(200, "{}", r.MARKS), r.reply(400, "latest is 7")],
)
def test_a_server_that_does_not_tell_has_no_known_version(answer: object) -> None:
    assert not server_version(answer)  # type: ignore[arg-type]


def names(probes: tuple[Probe, ...]) -> list[str]:
    return [probe.name for probe in probes]


def test_the_plan_for_alm_on_services_is_eight_probes() -> None:
    probes = probes_for(ALM, SERVICES, "7.1")
    assert names(probes) == [
        "code-read", "code-write", "code-manage", "work-read", "work-write", "work-manage", "identity-read",
        "profile-write",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("purpose", "deployment", "version", "count"),
    [
        (ALM, SERVICES, "7.1", 8),
        (BOTH, SERVICES, "7.1", 13),
        (ISSUES, SERVICES, "7.1", 5),
        (ALM, SERVER, "7.1", 7),
        (ALM, SERVER, "7.0", 6),
        (ALM, SERVER, "6.0", 6),
        (ALM, SERVER, "5.0", 5),
        (BOTH, SERVER, "7.1", 10),
        (ISSUES, SERVER, "5.0", 4),
    ],
)
def test_the_size_of_each_plan(
    purpose: Purpose, deployment: Deployment, version: str, count: int
) -> None:
    assert len(probes_for(purpose, deployment, version)) == count


EVERY = list(product(Purpose, Deployment, VERSIONS, (False, True)))


@pytest.mark.parametrize(("purpose", "deployment", "version", "read_only"), EVERY)
def test_no_plan_can_change_anything(
    purpose: Purpose, deployment: Deployment, version: str, read_only: bool
) -> None:
    for probe in probes_for(purpose, deployment, version, read_only=read_only):
        assert probe.method in ({"GET"} if read_only else {"GET", "POST", "PATCH", "DELETE"})
        if probe.method != "GET":
            assert "{random}" in probe.path or probe.path.startswith(ABSENT_WORK_ITEM)
        if probe.path.startswith(ABSENT_WORK_ITEM) and probe.method == "PATCH":
            assert "validateOnly=true" in probe.path
            assert probe.body == '[{"op":"test","path":"/rev","value":1}]'
        elif probe.method in ("PATCH", "POST"):
            assert probe.body in ("{}", "[]")
        else:
            assert probe.body is None
        assert "/projects/{random}" in probe.path or not (
            probe.method == "DELETE" and "_apis/projects" in probe.path
        )


def test_all_probes_of_alm_are_aimed_at_nothing() -> None:
    for probe in probes_for(ALM, SERVICES, "7.1"):
        assert (
            "{random}" in probe.path
            or probe.path.startswith(ABSENT_WORK_ITEM)
            or probe.name == "identity-read"
        )


@pytest.mark.parametrize(("purpose", "deployment", "version", "read_only"), EVERY)
def test_the_summit_of_each_scope_comes_first_where_the_ladder_is_long(
    purpose: Purpose, deployment: Deployment, version: str, read_only: bool
) -> None:
    probes = probes_for(purpose, deployment, version, read_only=read_only)
    top = highest_probes(probes)
    assert {probe.scope for probe in top} == {probe.scope for probe in probes}
    for probe in top:
        assert probe.level == max(other.level for other in probes if other.scope is probe.scope)


def test_random_ids_are_fresh_each_time_and_go_to_the_right_host() -> None:
    credential = Credential(Secret("x" * 20), r.CONTOSO.site.origins)
    caller = Caller("session", lambda: str(uuid.uuid4()))
    seen: set[str] = set()
    for _ in range(2):
        for probe in (probe for row in SCOPES.values() for probe in row.probes):
            call = caller.probe(r.CONTOSO, probe, "7.1", r.ME.id, credential)
            assert "{" not in call.url
            assert Origin.of(call.url) in credential.origins
            assert re.search(r"[?&]api-version=\d", call.url)
            assert dict(call.headers)["X-TFS-FedAuthRedirect"] == "Suppress"
            assert dict(call.headers)["Accept-Language"] == "en-US"
            assert (call.body is not None) == ("Content-Type" in dict(call.headers))
            ids = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", call.url.replace(r.ME.id, ""))
            assert len(ids) == probe.path.count("{random}")
            assert not seen & set(ids)
            assert all(uuid.UUID(one).version == 4 for one in ids)
            seen |= set(ids)


def test_api_versions_are_those_of_the_facts() -> None:
    assert API_VERSIONS == ("7.1", "7.0", "6.0", "5.0")


TOGGLES = [subset for size in range(4) for subset in combinations((CREATE, FETCH, ACCESS), size)]


@pytest.mark.parametrize(
    ("toggles", "purpose", "api"), list(product(TOGGLES, Purpose, ("auto", "standalone", "core")))
)
def test_the_dependencies_of_the_settings(
    toggles: tuple[str, ...], purpose: Purpose, api: str
) -> None:
    refused = bool(toggles) and (
        api == "core"
        or (FETCH in toggles and (CREATE not in toggles or purpose is Purpose.ISSUE_MANAGER))
    )
    if refused:
        with pytest.raises(UsageError) as caught:
            settings_for(toggles, purpose, api)
        assert caught.value.reason is Reason.INPUT_INVALID
        assert caught.value.exit_code == 2
        return
    made = settings_for(reversed(toggles), purpose, api)
    assert set(made.toggles) == set(toggles)
    assert made.labels == tuple(
        LABELS[toggle] for toggle in (CREATE, FETCH, ACCESS) if toggle in toggles
    )
    assert made.issue_manager is (purpose is Purpose.ALM_AND_ISSUE_MANAGER)

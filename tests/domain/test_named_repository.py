"""A repository as people name it: short, or by any address that a browser, git or ssh takes."""

from __future__ import annotations

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES, Place, Site, parse_repository
from aspm_ado.domain.reasons import Reason, UsageError

CONTOSO = SERVICES.place("Contoso")
TFS = Site(Deployment.SERVER, "https://tfs.example.test/tfs").place("My Collection")
ROOT = Site(Deployment.SERVER, "http://tfs:8080").place("Coll")
APP = ("Shop Front", "web app")
SHORT = ("web", "web")

NAMED: list[tuple[str, Place, tuple[str, str]]] = [
    ("Shop Front/web app", CONTOSO, APP),
    ("Shop%20Front/web%20app", CONTOSO, APP),
    ("Shop%20Front/web%20app.git", TFS, APP),
    ("Shop%20Front/_git/web%20app/", CONTOSO, APP),
    ("https://dev.azure.com/contoso/Shop%20Front/_git/web%20app", CONTOSO, APP),
    ("dev.azure.com/contoso/Shop%20Front/_git/web%20app.git", CONTOSO, APP),
    ("https://contoso@dev.azure.com/contoso/Shop Front/_git/web app", CONTOSO, APP),
    ("https://u:secret@dev.azure.com/contoso/Shop%20Front/_git/web%20app", CONTOSO, APP),
    ("'https://DEV.azure.com:443/contoso/Shop%20Front/_git/web%20app?version=GBmain#L1'", CONTOSO, APP),
    ("https://dev.azure.com/contoso/Shop%20Front/_git/web%20app/pullrequest/7", CONTOSO, APP),
    ("https://dev.azure.com/contoso/Shop%20Front/_git/_full/web%20app", CONTOSO, APP),
    ("https://dev.azure.com/contoso/_git/web", CONTOSO, SHORT),
    ("https://contoso.visualstudio.com/Shop%20Front/_git/web%20app", CONTOSO, APP),
    ("https://contoso.visualstudio.com/DefaultCollection/Shop%20Front/_git/web%20app", CONTOSO, APP),
    ("contoso.visualstudio.com/_git/web", CONTOSO, SHORT),
    ("git@ssh.dev.azure.com:v3/contoso/Shop%20Front/web%20app", CONTOSO, APP),
    ("ssh://git@ssh.dev.azure.com/v3/contoso/Shop%20Front/web%20app", CONTOSO, APP),
    ("contoso@vs-ssh.visualstudio.com:v3/contoso/Shop%20Front/web%20app", CONTOSO, APP),
    ("ssh://contoso@vs-ssh.visualstudio.com:22/contoso/Shop%20Front/_ssh/web%20app", CONTOSO, APP),
    ("https://tfs.example.test/tfs/My%20Collection/Shop%20Front/_git/web%20app", TFS, APP),
    ("https://tfs/tfs/my%20collection/_git/web", TFS, SHORT),
    ("ssh://tfs.example.test:22/tfs/My%20Collection/Shop%20Front/_git/web%20app", TFS, APP),
    ("http://tfs:8080/Coll/_git/web", ROOT, SHORT),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "expected"), NAMED)
def test_a_repository_is_understood_as_it_is_named(
    text: str, place: Place, expected: tuple[str, str]
) -> None:
    found = parse_repository(text).at(place)
    assert found is not None
    assert (found.project, found.name) == expected


ELSEWHERE = [
    ("https://dev.azure.com/other/Shop/_git/web", CONTOSO),
    ("https://github.com/contoso/Shop/_git/web", CONTOSO),
    ("https://dev.azure.com/contoso/a/b/_git/web", CONTOSO),
    ("https://dev.azure.com/tfs/My%20Collection/_git/web", TFS),
    ("https://tfs.example.test/tfs/Other/Shop/_git/web", TFS),
]


@pytest.mark.parametrize(("text", "place"), ELSEWHERE)
def test_an_address_of_another_place_is_of_that_one(text: str, place: Place) -> None:
    assert parse_repository(text).at(place) is None


REFUSED = [
    "", "web", "a/..", "../b", "a/.git", "a%2Fb/c", "a/b%00", "a/b%0A", "a:b/c", "https://github.com/o/r",
    "https://dev.azure.com/contoso/Shop", "https://dev.azure.com/_git/web", "https://dev.azure.com/a/_git/",
    "https://dev.azure.com/contoso/%2e%2e/_git/web", "git@ssh.dev.azure.com:v3/contoso/Shop",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_repository(text)
    assert caught.value.reason is Reason.INPUT_INVALID


def test_a_refusal_repeats_nobody_s_secret() -> None:
    with pytest.raises(UsageError) as caught:
        parse_repository("https://user:hunter2@dev.azure.com/contoso")
    assert "hunter2" not in caught.value.problem

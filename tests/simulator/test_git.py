"""The first GET of a clone, with the token alone and with a user name beside it."""

import pytest

from .conftest import UNKNOWN_TOKEN

BASE = "https://dev.azure.com/contoso"
REFS = f"{BASE}/Payments/_git/checkout%20api/info/refs?service=git-upload-pack"


def packets(body):
    found = []
    while body:
        size = int(body[:4], 16)
        found.append(body[4:size] if size else None)
        body = body[size or 4 :]
    return found


@pytest.mark.parametrize("user", ["", "ada"])
def test_advertisement(simulate, user):
    got = simulate()("GET", REFS, user=user)
    assert got.status == 200
    assert got.one("Content-Type") == "application/x-git-upload-pack-advertisement"
    assert got.body.startswith(b"001e# service=git-upload-pack\n0000")
    title, gap, head, branch, end = packets(got.body)
    assert (title, gap, end) == (b"# service=git-upload-pack\n", None, None)
    assert head.partition(b"\0")[0].endswith(b" HEAD")
    assert branch.endswith(b" refs/heads/main\n")
    assert len(branch.split()[0]) == 40
    assert got.one("X-VSS-UserData")


def test_empty_repository_advertises_no_branch(simulate):
    got = simulate()("GET", REFS.replace("checkout%20api", "fresh"))
    assert got.status == 200
    assert b" capabilities^{}\0" in packets(got.body)[2]


@pytest.mark.parametrize("name", ["ghost", "vault", "attic"])
def test_absent_unreadable_and_disabled(simulate, name):
    got = simulate()("GET", REFS.replace("checkout%20api", name))
    assert (got.status, got.json["typeKey"]) == (404, "GitRepositoryNotFoundException")


def test_missing_scope_and_bad_token(simulate):
    narrow = simulate(scopes={"vso.work_full"})("GET", REFS)
    assert (narrow.status, narrow.body) == (401, b"")
    assert simulate()("GET", REFS, token=UNKNOWN_TOKEN).status == 401
    assert simulate()("GET", REFS, token=UNKNOWN_TOKEN, suppress=False).status == 203


def test_code_read_is_enough_to_fetch_and_not_to_push(simulate):
    ask = simulate(scopes={"vso.code"})
    assert ask("GET", REFS).status == 200
    assert ask("GET", REFS.replace("upload", "receive")).status == 401
    assert (
        simulate(scopes={"vso.code_write"})("GET", REFS.replace("upload", "receive")).status == 200
    )


def test_user_name_needed(simulate):
    ask = simulate("username-needed")
    assert ask("GET", REFS).status == 401
    assert ask("GET", REFS, user="anything").status == 200
    assert ask("GET", f"{BASE}/_apis/connectionData").status == 200, (
        "REST never minds the user name"
    )


def test_short_form(simulate):
    got = simulate(organization={})(
        "GET", f"{BASE}/_git/Payments/info/refs?service=git-upload-pack"
    )
    assert got.status == 404, "Payments has no repository of its own name"

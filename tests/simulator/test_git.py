"""The first GET of a clone, with the token alone and with a user name beside it."""

import pytest

from aspm_ado.simulator.world import GitRepository, TeamProject

from .conftest import UNKNOWN_TOKEN

BASE = "https://dev.azure.com/contoso"
TFS = "https://tfs.example.test/tfs/DefaultCollection"
REPOSITORY = f"{BASE}/Payments/_git/checkout%20api"
REFS = f"{REPOSITORY}/info/refs?service=git-upload-pack"
UPLOAD = f"{REPOSITORY}/git-upload-pack"


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


@pytest.mark.parametrize("token", [None, UNKNOWN_TOKEN])
@pytest.mark.parametrize(("method", "path"), [("GET", REFS), ("POST", UPLOAD)])
def test_git_is_asked_for_a_token_and_never_shown_a_page(simulate, token, method, path):
    got = simulate()(method, path, token=token, suppress=False)
    assert got.status == 401
    schemes = [value.split()[0] for value in got.all("WWW-Authenticate")]
    assert sorted(schemes) == ["Basic", "Bearer", "TFS-Federated"]
    on_server = simulate("server")(method, path.replace(BASE, TFS), token=token, suppress=False)
    schemes = [value.split()[0] for value in on_server.all("WWW-Authenticate")]
    assert (on_server.status, schemes) == (401, ["Bearer", "Basic", "Negotiate", "NTLM"])


def test_a_stranger_is_asked_for_a_token_where_projects_are_public(simulate):
    ask, base = simulate("anonymous-trap"), BASE.replace("contoso", "opencontoso")
    public = f"{base}/Docs/_git/handbook/info/refs?service=git-upload-pack"
    assert ask("GET", public, token=None, suppress=False).status == 200
    private = ask("GET", REFS.replace(BASE, base), token=None, suppress=False)
    assert (private.status, len(private.all("WWW-Authenticate"))) == (401, 3)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"", b"ERR "),
        (b"zzzz", b"ERR "),
        (b"0032want " + b"0" * 40 + b"\n00000009done\n", b"ERR "),
    ],
)
def test_what_is_not_here_is_not_sent(simulate, body, answer):
    got = simulate()("POST", UPLOAD, body=body)
    assert (got.status, got.body[4:8]) == (200, answer)
    broken = simulate()("POST", UPLOAD, body=body, headers={"Content-Encoding": "gzip"})
    assert broken.body[4:8] == answer


def test_only_the_advertisement_of_a_fetch_goes_on(simulate):
    assert simulate()("GET", UPLOAD).status == 404


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


def test_a_repository_that_git_cannot_read_with_any_user_name(simulate):
    closed = TeamProject("Payments", (GitRepository("checkout api", clone="nothing"),))
    ask = simulate(organization={"projects": (closed,)})
    assert {ask("GET", REFS, user=user).status for user in ("", "anything")} == {401}


def test_short_form(simulate):
    got = simulate(organization={})(
        "GET", f"{BASE}/_git/Payments/info/refs?service=git-upload-pack"
    )
    assert got.status == 404, "Payments has no repository of its own name"

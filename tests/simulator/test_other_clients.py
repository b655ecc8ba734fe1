"""Real clients, which nobody wrote for the simulator, by the way that `demo --serve` prints."""

import http.client
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from .https_client import basic

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
SERVICES = "http://dev.azure.com/contoso/Payments/_git"
SERVER = "http://tfs.example.test/tfs/DefaultCollection/Payments/_git"


class Git:
    """The real one, without any setting of this machine."""

    def __init__(self, ask, folder):
        self.proxy, self.token, self.folder = ask.simulator.address, ask.token, folder

    def __call__(self, *words, header=False):
        options = ["-c", f"http.proxy={self.proxy}", "-c", "user.name=x", "-c", "user.email=x@x"]
        if header:
            options += ["-c", f"http.extraHeader=Authorization: {basic(self.token)}"]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        return subprocess.run(
            ["git", *options, *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def clone(self, base, repository="checkout%20api", *, user="", **options):
        address = f"{base}/{repository}"
        if user:
            address = address.replace("://", f"://{user}:{self.token}@")
        return self("clone", *options.pop("words", ()), address, "here", **options)


@pytest.fixture
def git(simulate, tmp_path):
    return lambda *name: Git(simulate(*name), tmp_path)


@needs_git
@pytest.mark.parametrize(
    ("scenario", "base", "options", "refusal"),
    [
        ("global", SERVICES, {"header": True}, ""),
        ("global", SERVICES, {"header": True, "words": ["--depth", "1"]}, ""),
        ("global", SERVICES, {"user": "ada"}, ""),
        ("global", SERVICES, {}, "could not read Username"),
        ("username-needed", SERVICES, {"user": "ada"}, ""),
        ("username-needed", SERVICES, {"header": True}, "could not read Username"),
        ("server", SERVER, {"header": True}, ""),
        # libcurl takes Negotiate or NTLM, and the token is never tried.
        ("server", SERVER, {"user": "ada"}, "Authentication failed"),
        ("server", SERVER, {}, "could not read Username"),
    ],
)
def test_git_clones_as_it_does_from_the_real_service(git, scenario, base, options, refusal):
    run = git(scenario)
    got = run.clone(base, **options)
    if refusal:
        assert got.returncode == 128
        assert refusal in got.stderr
        return
    assert got.returncode == 0, got.stderr
    readme = run.folder / "here" / "README.md"
    assert readme.read_text() == "# checkout api\n\nA repository of the simulation.\n"
    assert run("-C", "here", "fsck", "--strict").returncode == 0
    assert run("-C", "here", "fetch", "origin", header="header" in options).returncode == 0


@needs_git
def test_git_clones_an_empty_repository_and_none_that_is_hidden(git):
    run = git()
    assert "empty repository" in run.clone(SERVICES, "fresh", user="ada").stderr
    assert run.clone(SERVICES, "vault", user="ada").returncode == 128


@needs_git
def test_git_fetches_beside_commits_of_its_own(git):
    """It then says what it has, in a request long enough to be packed."""
    run = git()
    assert run("init", "-q", "mine").returncode == 0
    for number in range(40):
        run("-C", "mine", "commit", "-q", "--allow-empty", "-m", str(number))
    got = run("-C", "mine", "fetch", f"{SERVICES}/checkout%20api", header=True)
    assert got.returncode == 0, got.stderr
    shown = run("-C", "mine", "show", "FETCH_HEAD:README.md")
    assert shown.stdout.startswith("# checkout api\n")


def test_a_proxied_client_is_given_addresses_that_it_can_reach(simulate):
    ask = simulate()
    path = "/contoso/_apis/git/repositories?api-version=7.1"
    for target, scheme in ((path, "https"), (f"http://dev.azure.com{path}", "http")):
        sent = {"Host": "dev.azure.com", "X-TFS-FedAuthRedirect": "Suppress"}
        sent["Authorization"] = basic(ask.token)
        first = ask.raw("GET", target, sent).json["value"][0]
        assert first["url"].startswith(f"{scheme}://dev.azure.com/")
        assert first["remoteUrl"].startswith(f"{scheme}://Contoso@dev.azure.com/")


def test_a_tunnel_for_plain_http_leads_to_the_simulator_and_one_for_tls_nowhere(simulate):
    """Node's clients tunnel whatever they ask for."""
    ask = simulate()
    near = http.client.HTTPConnection(urlsplit(ask.simulator.address).netloc, timeout=10)
    near.set_tunnel("dev.azure.com", 80)
    path = "/contoso/_apis/git/repositories?api-version=7.1"
    near.request("GET", path, headers={"Authorization": basic(ask.token)})
    assert b'"url":"http://dev.azure.com/' in near.getresponse().read()
    near.close()
    assert ask.raw("CONNECT", "dev.azure.com:443", {"Host": "dev.azure.com:443"}).status >= 400


def served(*words):
    """What `demo --serve` prints first, and what it says."""
    command = [sys.executable, "-m", "aspm_ado", "demo", "--serve", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as child:
        first = child.stdout.readline()
        said = ""
        while "Ctrl-C" not in said:
            said += child.stderr.readline()
        child.kill()
    return first, said


@pytest.mark.parametrize(
    ("scenario", "url"),
    [
        ("global", "http://dev.azure.com/contoso"),
        ("server", "http://tfs.example.test/tfs/DefaultCollection"),
    ],
)
def test_demo_serve_says_how_other_clients_come_in(scenario, url):
    first, said = served("--scenario", scenario)
    address = first.strip().removeprefix("ASPM_ADO_SIMULATOR=").partition("/#")[0]
    assert f"http_proxy={address}\n" in said
    assert f"{url}\n" in said

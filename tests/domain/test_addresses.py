"""What people paste: every form of an organization and of a server, and what only looks like one."""

from __future__ import annotations

import shlex
import subprocess
from ipaddress import IPv6Address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import (
    SERVICES,
    SERVICES_HOSTS,
    Site,
    options_for,
    parse_organization,
    parse_server,
)
from aspm_ado.domain.http import Origin
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.report import Command

SERVICES_FORMS = [
    "Contoso",
    "  Contoso\n",
    "'Contoso'",
    '"Contoso"',
    "https://dev.azure.com/Contoso",
    "https://dev.azure.com/Contoso/",
    "https://dev.azure.com/Contoso//",
    "dev.azure.com/Contoso",
    "HTTPS://DEV.AZURE.COM/Contoso",
    "https://dev.azure.com:443/Contoso",
    "https://dev.azure.com./Contoso",
    "https://dev.azure.com/Contoso/My%20Project",
    "https://dev.azure.com/Contoso/My%20Project/_git/checkout%20api?path=/src&version=GBmain#L3",
    "https://dev.azure.com/Contoso/_usersSettings/tokens",
    "https://Contoso@dev.azure.com/Contoso/Payments/_git/api",
    "https://vssps.dev.azure.com/Contoso/_apis/identities",
    "https://vsaex.dev.azure.com/Contoso/_apis/userentitlements",
    "https://Contoso.visualstudio.com",
    "https://Contoso.visualstudio.com/DefaultCollection/Payments/_git/api",
    "https://Contoso.visualstudio.com.",
    "Contoso.visualstudio.com",
    "https://Contoso.vssps.visualstudio.com/_apis/identities",
    "git@ssh.dev.azure.com:v3/Contoso/Payments/api",
    "ssh://git@ssh.dev.azure.com/v3/Contoso/Payments/api",
    "ssh://git@ssh.dev.azure.com:22/v3/Contoso/Payments/api",
    "Contoso@vs-ssh.visualstudio.com:v3/Contoso/Payments/api",
    "https://Contoso.pkgs.visualstudio.com/_packaging/feed",
    "https://Contoso.vsrm.visualstudio.com/",
    *(
        f"https://{area}.dev.azure.com/Contoso/Payments/_apis"
        for area in ("vsrm", "pkgs", "feeds", "almsearch", "extmgmt", "auditservice", "advsec")
    ),
    "ssh://Contoso@vs-ssh.visualstudio.com:22/Contoso/Payments/_ssh/api",
    "ssh://Contoso@vs-ssh.visualstudio.com:22/DefaultCollection/Payments/_ssh/api",
    "<https://dev.azure.com/Contoso>",
    *(f"https://dev.azure.com/Contoso{mark}" for mark in "\u200b\u00a0\ufeff\u00ad\u2060"),
    "\u200eContoso\u200b",
    "https://Contoso.whatever-comes.visualstudio.com/",
]


@pytest.mark.parametrize("text", SERVICES_FORMS)
def test_every_form_of_an_organization(text: str) -> None:
    place = parse_organization(text)
    assert place.site is SERVICES
    assert place.key == "contoso"
    assert place.url.lower() == "https://dev.azure.com/contoso"
    assert place.token_page.lower() == "https://dev.azure.com/contoso/_userssettings/tokens"
    assert place.site.origins == {Origin("https", host, 443) for host in SERVICES_HOSTS}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.URL_INVALID),
        ("con toso", Reason.URL_INVALID),
        ("con\ntoso", Reason.URL_INVALID),
        ("contoso\x00", Reason.URL_INVALID),
        ("-contoso", Reason.URL_INVALID),
        ("contoso-", Reason.URL_INVALID),
        ("cöntoso", Reason.URL_INVALID),
        ("a" * 65, Reason.URL_INVALID),
        ("..", Reason.URL_INVALID),
        ("https://dev.azure.com", Reason.URL_INVALID),
        ("https://dev.azure.com/", Reason.URL_INVALID),
        ("https://dev.azure.com/_usersSettings/tokens", Reason.URL_INVALID),
        ("https://dev.azure.com/..%2fcontoso", Reason.URL_INVALID),
        ("https://dev.azure.com/con%0d%0atoso", Reason.URL_INVALID),
        ("http://dev.azure.com/contoso", Reason.HTTP_REFUSED),
        ("http://contoso.visualstudio.com", Reason.HTTP_REFUSED),
        ("ftp://dev.azure.com/contoso", Reason.URL_INVALID),
        ("file:///dev.azure.com/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com:444/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com:0/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com:99999/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com:443:443/contoso", Reason.URL_INVALID),
        ("https://contoso:secret@dev.azure.com/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com.evil.example/contoso", Reason.URL_INVALID),
        ("https://evildev.azure.com/contoso", Reason.URL_INVALID),
        ("https://dev-azure.com/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com@evil.example/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com%2f@evil.example/contoso", Reason.URL_INVALID),
        ("https://evil.example/dev.azure.com/contoso", Reason.URL_INVALID),
        ("https://evil.example#dev.azure.com/contoso", Reason.URL_INVALID),
        ("https://evil.example?dev.azure.com/contoso", Reason.URL_INVALID),
        ("https://evil.example\\@dev.azure.com/contoso", Reason.URL_INVALID),
        ("https:\\\\dev.azure.com\\contoso", Reason.URL_INVALID),
        ("https://dev.azure.com\\.evil.example/contoso", Reason.URL_INVALID),
        ("https://dev.\u0430zure.com/contoso", Reason.URL_INVALID),
        ("https://xn--dev-8cd.azure.com/contoso", Reason.URL_INVALID),
        ("https://dev.azure.com\u3002evil.example/contoso", Reason.URL_INVALID),
        ("https://visualstudio.com/contoso", Reason.URL_INVALID),
        ("https://-a.b.visualstudio.com/", Reason.URL_INVALID),
        ("https://.visualstudio.com/", Reason.URL_INVALID),
        ("https://marketplace.visualstudio.com/items", Reason.URL_INVALID),
        ("https://www.visualstudio.com/", Reason.URL_INVALID),
        ("https://contoso.visualstudio.com.evil.example/", Reason.URL_INVALID),
        ("https://contoso.evilvisualstudio.com/", Reason.URL_INVALID),
        ("https://app.vssps.visualstudio.com/_apis/profile", Reason.URL_INVALID),
        ("https://contoso.visualstudio.com:8443/", Reason.URL_INVALID),
        ("https://[::1]/contoso", Reason.URL_INVALID),
        ("git@ssh.dev.azure.com.evil.example:v3/contoso/p/r", Reason.URL_INVALID),
    ],
)
def test_what_only_looks_like_one_is_refused(text: str, reason: Reason) -> None:
    with pytest.raises(UsageError) as caught:
        parse_organization(text)
    assert caught.value.reason is reason
    assert caught.value.remedy
    assert "secret" not in str(caught.value)
    assert all(character.isprintable() for character in caught.value.problem)


def test_organizations_compare_without_case() -> None:
    assert (
        parse_organization("CONTOSO").key == parse_organization("https://dev.azure.com/contoso").key
    )


HOST = "https://tfs.example.test"
SERVER_FORMS = [
    ("https://tfs.example.test", (), HOST, ()),
    ("https://tfs.example.test/", (), HOST, ()),
    ("tfs.example.test", (), HOST, ()),
    ("HTTPS://TFS.Example.Test/", (), HOST, ()),
    ("https://tfs.example.test./", (), HOST, ()),
    ("https://tfs.example.test:443/", (), HOST, ()),
    ("https://tfs.example.test:8443/tfs", (), HOST + ":8443/tfs", ()),
    ("https://tfs.example.test/tfs", (), HOST + "/tfs", ()),
    ("https://tfs.example.test/tfs/", (), HOST + "/tfs", ()),
    ("https://tfs.example.test/TFS/Engineering", (), HOST + "/TFS", ("Engineering",)),
    ("https://tfs.example.test/tfs/DefaultCollection", (), HOST + "/tfs", ("DefaultCollection",)),
    ("https://tfs.example.test/tfs/Engineering/Turbines", (), HOST + "/tfs", ("Engineering",)),
    (
        "https://tfs.example.test/tfs/Engineering/Turbines/_git/blades?path=/x",
        (),
        HOST + "/tfs",
        ("Engineering",),
    ),
    ("https://tfs.example.test/tfs/_home", (), HOST + "/tfs", ()),
    ("https://tfs.example.test/DefaultCollection", (), HOST, ("DefaultCollection",)),
    (
        "https://tfs.example.test/DefaultCollection/My%20Project/_git/x",
        (),
        HOST,
        ("DefaultCollection",),
    ),
    ("https://tfs.example.test/Engineering", (), HOST, ("Engineering",)),
    ("https://tfs.example.test/Engineering/Turbines/_git/blades", (), HOST, ("Engineering",)),
    (
        "https://tfs.example.test/devops/DefaultCollection/P/_git/x",
        (),
        HOST + "/devops",
        ("DefaultCollection",),
    ),
    ("https://tfs.example.test/devops/Engineering", (), HOST + "/devops", ("Engineering",)),
    (
        "https://tfs.example.test/devops/Engineering/Turbines/_git/b",
        (),
        HOST + "/devops",
        ("Engineering",),
    ),
    ("https://tfs.example.test/devops", ("Engineering",), HOST + "/devops", ("Engineering",)),
    (
        "https://tfs.example.test/devops/engineering/T",
        ("Engineering",),
        HOST + "/devops",
        ("Engineering",),
    ),
    ("https://tfs.example.test", ("A", "B"), HOST, ("A", "B")),
    ("https://tfs.example.test/Eng%20Team", (), HOST, ("Eng Team",)),
    ("http://127.0.0.1:8080/tfs", (), "http://127.0.0.1:8080/tfs", ()),
    ("http://localhost:8080/tfs", (), "http://localhost:8080/tfs", ()),
    ("https://[::1]:8443/tfs", (), "https://[::1]:8443/tfs", ()),
    ("https://dévops.example.test/", (), "https://xn--dvops-bsa.example.test", ()),
]


@pytest.mark.parametrize(
    ("text", "base", "collections"),
    [
        (HOST, HOST, ()),
        (HOST + "/devops/", HOST + "/devops", ()),
        (HOST + "/tfs/Engineering", HOST + "/tfs", ("Engineering",)),
        (HOST + "/DefaultCollection", HOST, ("DefaultCollection",)),
        (HOST + "/Engineering/Turbines/_git/blades", HOST, ("Engineering",)),
        (HOST + "/Engineering/_usersSettings/tokens", HOST, ("Engineering",)),
    ],
)
def test_where_every_collection_is_meant_a_root_was_given(
    text: str, base: str, collections: tuple[str, ...]
) -> None:
    site, found = parse_server(text, everything=True)
    assert (site.base_url, found) == (base, collections)


@pytest.mark.parametrize(("text", "named", "base", "collections"), SERVER_FORMS)
def test_every_form_of_a_server(
    text: str, named: tuple[str, ...], base: str, collections: tuple[str, ...]
) -> None:
    site, found = parse_server(text, named)
    assert (site.deployment, site.base_url, found) == (Deployment.SERVER, base, collections)


@pytest.mark.parametrize(
    ("text", "collections", "reason"),
    [
        ("", (), Reason.URL_INVALID),
        ("https://", (), Reason.URL_INVALID),
        ("https://dev.azure.com/contoso", (), Reason.URL_INVALID),
        ("https://DEV.AZURE.COM./contoso", (), Reason.URL_INVALID),
        ("https://contoso.visualstudio.com", (), Reason.URL_INVALID),
        ("http://tfs.example.test", (), Reason.HTTP_REFUSED),
        ("http://127.0.0.1.evil.example", (), Reason.HTTP_REFUSED),
        ("http://localhost.evil.example", (), Reason.HTTP_REFUSED),
        ("http://localhost@evil.example", (), Reason.URL_INVALID),
        ("https://user@tfs.example.test", (), Reason.URL_INVALID),
        ("https://user:secret@tfs.example.test", (), Reason.URL_INVALID),
        ("https://tfs.example.test\\@evil.example", (), Reason.URL_INVALID),
        ("https://tfs example.test", (), Reason.URL_INVALID),
        ("https://tfs.example.test/a\r\nHost: evil", (), Reason.URL_INVALID),
        ("https://tfs.example.test:port", (), Reason.URL_INVALID),
        ("https://tfs..example.test", (), Reason.URL_INVALID),
        ("ldap://tfs.example.test", (), Reason.URL_INVALID),
        ("https://tfs.example.test", ("a/b",), Reason.INPUT_INVALID),
        ("https://tfs.example.test", ("..",), Reason.INPUT_INVALID),
        ("https://tfs.example.test", ("_apis",), Reason.INPUT_INVALID),
        ("https://tfs.example.test", ("a\x1bb",), Reason.INPUT_INVALID),
        ("https://tfs.example.test", ("",), Reason.INPUT_INVALID),
    ],
)
def test_what_is_no_server_is_refused(
    text: str, collections: tuple[str, ...], reason: Reason
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_server(text, collections)
    assert caught.value.reason is reason
    assert "secret" not in str(caught.value)
    assert all(character.isprintable() for character in caught.value.problem)


def test_an_accepted_server_without_tls_stays_without_it() -> None:
    site, _ = parse_server("http://tfs.example.test/tfs", allow_http=True)
    assert site.base_url == "http://tfs.example.test/tfs"
    assert site.origins == {Origin("http", "tfs.example.test", 80)}
    with pytest.raises(UsageError):
        parse_organization("http://dev.azure.com/contoso")


PIECES = st.sampled_from(
    [
        *(
            "dev.azure.com",
            "evil.example",
            ".",
            "@",
            ":",
            "/",
            "//",
            "\\",
            "?",
            "#",
            "%2f",
            "%40",
            "%00",
            "\t",
            " ",
        ),
        *(
            "contoso",
            "https://",
            "http://",
            "visualstudio.com",
            ".visualstudio.com",
            "443",
            "xn--",
            "[",
            "]",
            "::1",
        ),
        *(
            "127.0.0.1",
            "_git",
            "ssh.dev.azure.com:v3",
            "git@",
            "\u3002",
            "\uff0e",
            "\u0430",
            "tfs",
            "..",
            ";",
            "\n",
        ),
        "app.vssps.visualstudio.com",
    ]
)
PASTED = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=10).map("".join))


@given(PASTED)
@example("https://dev.azure.com\uff0fevil.example/x")
@example("https://dev.azure.com\u3002evil.example/x")
def test_whatever_is_taken_for_an_organization_belongs_to_services(text: str) -> None:
    try:
        place = parse_organization(text)
    except UsageError:
        return
    for address in (place.url, place.token_page):
        url = parse_url(address)
        assert (url.scheme, url.host, url.port, url.auth) == ("https", "dev.azure.com", None, None)
        assert url.path is not None
        assert url.path.split("/")[1] == place.name
    assert {origin.host for origin in place.site.origins} == set(SERVICES_HOSTS)


@given(PASTED, st.booleans())
def test_a_server_is_never_another_host_than_the_url_names(text: str, allow_http: bool) -> None:
    try:
        site, names = parse_server(text, allow_http=allow_http)
    except UsageError:
        return
    taken = text.strip().strip("'\"").strip()
    written = urlsplit(taken if "://" in taken else f"https://{taken}")
    url = parse_url(site.base_url)
    host = str(written.hostname).rstrip(".").lower().encode("idna").decode()
    assert str(url.host).strip("[]") == (str(IPv6Address(host)) if ":" in host else host)
    assert (url.port or {"https": 443, "http": 80}[str(url.scheme)]) == (
        written.port or {"https": 443, "http": 80}[written.scheme]
    )
    assert url.auth is None
    assert url.host not in SERVICES_HOSTS
    assert url.scheme == "https" or allow_http or Origin.of(site.base_url).is_loopback
    for name in names:
        sent = parse_url(site.place(name).url)
        assert (sent.scheme, sent.host, sent.port) == (url.scheme, url.host, url.port)


@given(PASTED)
def test_an_origin_reads_the_host_that_the_transport_reads(text: str) -> None:
    try:
        origin = Origin.of(text)
    except UsageError:
        return
    read = parse_url(str(origin))
    assert read.scheme == origin.scheme
    assert str(read.host).strip("[]") == origin.host
    assert (read.port or {"https": 443, "http": 80}[origin.scheme]) == origin.port
    assert Origin.of(str(origin)) == origin


@pytest.mark.parametrize(
    ("url", "base", "collection"),
    [
        ("/azuredevops/Main/_usersSettings/tokens", "/azuredevops", "Main"),
        ("/Main/_usersSettings/tokens", "", "Main"),
        ("/tfs/Main/_usersSettings/tokens", "/tfs", "Main"),
        ("/a/b/Main/_details/security/tokens", "/a/b", "Main"),
        ("/ado/My%20Team/_home/About", "/ado", "My Team"),
        ("/gateway/tfs/Main", "/gateway/tfs", "Main"),
        ("/gateway/a/tfs/Main/Shop/_git/web", "/gateway/a/tfs", "Main"),
    ],
)
def test_a_page_of_a_collection_or_tfs_tells_the_virtual_directory(
    url: str, base: str, collection: str
) -> None:
    site, names = parse_server(f"https://tfs.example.test{url}")
    assert (site.base_url, names) == (f"https://tfs.example.test{base}", (collection,))


def test_an_invisible_character_within_an_address_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        parse_organization("https://dev.azure.com/con\u200btoso")
    assert "position 26" in caught.value.problem


@pytest.mark.parametrize(
    ("address", "says"),
    [
        *((f"https://{host}/acme", f"{product} is not") for product in ("github.com", "gitlab.com", "bitbucket.org")
          for host in (product, f"api.{product}")),
        *((f"https://{host}/x", "is a sign-in page") for host in (
            "login.microsoftonline.com", "login.live.com", "app.vssps.visualstudio.com", "aex.dev.azure.com",
            "spsprodcus1.vssps.visualstudio.com")),
    ],
)  # fmt: skip
def test_an_address_of_another_site_is_refused_in_one_sentence(address: str, says: str) -> None:
    for parse in (parse_organization, parse_server):
        with pytest.raises(UsageError, match=says) as caught:
            parse(address)
        assert caught.value.reason is Reason.URL_INVALID


def test_an_at_sign_in_a_path_behind_a_port_is_no_password() -> None:
    site, names = parse_server("https://tfs.example.test:8443/tfs/Main/Team@Home/_git/web")
    assert (site.base_url, names) == ("https://tfs.example.test:8443/tfs", ("Main",))


@pytest.mark.parametrize(
    ("path", "read", "other"),
    [
        ("/ado/Main/_git/web", ("", "ado"), ("/ado", "Main")),
        ("/Main/Shop", ("/Main", "Shop"), ("", "Main")),
        ("/Main/Shop/Team", ("/Main", "Shop"), ("", "Main")),
        ("/ado", ("", "ado"), ("/ado", "")),
        ("/tfs/Main", ("/tfs", "Main"), None),
        ("/ado/DefaultCollection/x", ("/ado", "DefaultCollection"), None),
        ("/ado/Main/_usersSettings/tokens", ("/ado", "Main"), None),
    ],
)
def test_an_address_that_means_two_things_knows_both(
    path: str, read: tuple[str, str], other: tuple[str, str] | None
) -> None:
    """A virtual directory and a collection look alike."""
    site, names = parse_server(f"{HOST}{path}")
    assert (site.base_url, names) == (HOST + read[0], (read[1],))
    assert site.other == (other and (HOST + other[0], other[1]))
    place = site.other_reading
    assert bool(place) == bool(other and other[1])
    said = site.place(names[0]).both_readings
    assert bool(said) == bool(other)
    assert not other or HOST + other[0] in said


def test_what_is_named_by_an_option_is_meant() -> None:
    site, _ = parse_server(f"{HOST}/ado/Main/_git/web", ("Main",))
    assert (site.base_url, site.other) == (f"{HOST}/ado", None)


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("git@gitlab.com:a/b", "gitlab.com is not Azure DevOps"),
        ("gitlab.com:a/b.git", "gitlab.com is not Azure DevOps"),
        ("git@github.com:a/b", "github.com is not Azure DevOps"),
        ("ssh://git@github.com/a/b", "github.com is not Azure DevOps"),
        ("ssh://git@bitbucket.org:7999/a/b.git", "bitbucket.org is not Azure DevOps"),
        ("https://portal.azure.com", "portal.azure.com is not Azure DevOps"),
        ("https://portal.azure.com/#home", "portal.azure.com is not Azure DevOps"),
        ("https://entra.microsoft.com/", "entra.microsoft.com is not Azure DevOps"),
        ("https://learn.microsoft.com/azure/devops", "learn.microsoft.com is not Azure DevOps"),
    ],
)
def test_another_product_or_site_is_named_as_one(pasted, said) -> None:
    for parse in (parse_organization, parse_server):
        with pytest.raises(UsageError) as caught:
            parse(pasted)
        assert said in caught.value.problem
        assert caught.value.exit_code == 2


def test_a_server_on_a_machine_of_azure_is_one() -> None:
    site, _ = parse_server("https://tfs.westeurope.cloudapp.azure.com/Main")
    assert site.base_url == "https://tfs.westeurope.cloudapp.azure.com"


@pytest.mark.parametrize("names", [("contoso",), ("contoso", "fabrikam-2")])
def test_options_to_be_typed_name_the_same_organizations(names) -> None:
    flag, *words = shlex.split(options_for(SERVICES, names))
    assert flag == "-o"
    assert tuple(parse_organization(one).name for one in words if one != "-o") == names


@pytest.mark.parametrize(
    "name",
    ["My Collection", "it's ours", "a$(id)b", "`id`", "!!", "ä ö", "a" * 300, "-x", "two  spaces"],
)
@pytest.mark.parametrize("url", ["https://tfs.example.test", "https://tfs.example.test:8443/tfs"])
def test_a_server_is_told_its_own_options_quoted_for_the_shell(name, url) -> None:
    typed = options_for(Site(Deployment.SERVER, url), [name, "Other"])
    server, given, first, named, second, other = shlex.split(typed)
    assert (server, first, second) == ("--server-url", "--collection", "--collection")
    assert (given, named, other) == (url, name, "Other")
    assert shlex.split(Command("rotate", (name,)).text("tfs"))[-1] == name
    said = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {typed}"], capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines() == ["--server-url", url, "--collection", name, "--collection", "Other"]


def test_no_word_of_a_command_to_type_is_quoted_by_other_means() -> None:
    """One function quotes it, and cuts nothing: a name that is cut is one of something else."""
    source = Path(__file__).parents[2] / "src" / "aspm_ado"
    by_hand = [
        f"{path.name}: {line.strip()}"
        for path in source.rglob("*.py")
        if path.name != "text.py" and "simulator" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if "shlex.quote" in line or "shlex import quote" in line
    ]
    assert by_hand == []


def test_an_address_of_an_aspm_is_quoted_for_the_shell() -> None:
    typed = Command("rotate", aspm_url="https://aspm.example.test/a&b").text("")
    assert shlex.split(typed)[-1] == "https://aspm.example.test/a&b"

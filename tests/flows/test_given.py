"""What was given before anybody is asked: whose value wins, what contradicts, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES, Site
from aspm_ado.domain.questions import PURPOSE, REACH
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.flows.answers import one_of, parse_check_clone, parse_username
from aspm_ado.flows.registration.aspm import parse_aspm_url
from aspm_ado.flows.storage.connection import default_name, parse_name
from aspm_ado.flows.target import target_given
from aspm_ado.flows.tokens.sources import ask_token, aspm_token_given, tokens_given

from .context import FakeSources, Person, asker
from .service import PAT

BOTH_VARIABLES = {"ASPM_ADO_PAT": "f" * 20, "AZURE_DEVOPS_EXT_PAT": "s" * 20}


def refused(action: Callable[[], object]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        action()
    assert caught.value.exit_code == 2
    assert PAT not in f"{caught.value.problem}{caught.value.remedy}"
    return caught.value


@pytest.mark.parametrize(
    ("given", "variables", "value", "source"),
    [
        ({"pat_stdin": "true"}, BOTH_VARIABLES, PAT, "stdin"),
        ({"pat_file": "-"}, BOTH_VARIABLES, PAT, "stdin"),
        ({"pat_file": "t.txt"}, BOTH_VARIABLES, PAT, "file t.txt"),
        ({}, BOTH_VARIABLES, "f" * 20, "ASPM_ADO_PAT"),
        ({}, {"AZURE_DEVOPS_EXT_PAT": "s" * 20}, "s" * 20, "AZURE_DEVOPS_EXT_PAT"),
        (
            {},
            {"ASPM_ADO_PAT": "  ", "AZURE_DEVOPS_EXT_PAT": "s" * 20},
            "s" * 20,
            "AZURE_DEVOPS_EXT_PAT",
        ),
    ],
)
def test_ticket_token_wins(
    given: dict[str, str], variables: dict[str, str], value: str, source: str
) -> None:
    taken = tokens_given(
        asker(**given), FakeSources({"-": PAT.encode(), "t.txt": PAT.encode()}, variables)
    ).shared
    assert taken is not None
    assert (taken.secret.reveal(), taken.source) == (value, source)
    assert PAT not in repr(taken)


def test_nothing_given_is_nothing() -> None:
    tokens = tokens_given(asker(), FakeSources(variables={"ASPM_ADO_PAT": ""}))
    assert tokens.shared is None
    assert tokens.own == {}


@pytest.mark.parametrize(
    "given", [{"pat_stdin": "true"}, {"pat_file": "empty"}, {"pat_file": "contoso=empty"}]
)
def test_an_explicit_source_that_is_empty_does_not_fall_through(given: dict[str, str]) -> None:
    sources = FakeSources({"-": b"", "empty": b"\n"}, BOTH_VARIABLES)
    assert refused(lambda: tokens_given(asker(**given), sources)).reason is Reason.TOKEN_EMPTY


def test_a_token_of_one_organization_alone() -> None:
    files = {"a.txt": b"a" * 20, "b.txt": b"b" * 20, "odd/x=y.txt": b"c" * 20}
    tokens = tokens_given(asker(pat_file=("Contoso=a.txt", "b.txt")), FakeSources(files))
    assert tokens.of(SERVICES.place("contoso")) == tokens.own["contoso"]
    assert tokens.of(SERVICES.place("fabrikam")) == tokens.shared
    assert [place.name for place in tokens.named] == ["Contoso"]
    odd = tokens_given(asker(pat_file="odd/x=y.txt"), FakeSources(files))
    assert odd.own == {}
    assert odd.shared is not None


@pytest.mark.parametrize(
    "given",
    [
        {"pat_file": ("a", "b")},
        {"pat_file": "a", "pat_stdin": "true"},
        {"pat_file": ("contoso=a", "CONTOSO=b")},
    ],
)
def test_two_tokens_for_one_thing_are_refused(given: dict[str, Any]) -> None:
    sources = FakeSources({"-": b"x" * 20, "a": b"a" * 20, "b": b"b" * 20})
    assert refused(lambda: tokens_given(asker(**given), sources)).reason is Reason.USAGE


CONTOSO, FABRIKAM = SERVICES.place("Contoso"), SERVICES.place("fabrikam")
PRINTED = {
    "vault kv get": b"v" * 20,
    "vault kv get -field=pat x": b"v" * 20,
    "unnamed=vault kv get": b"v" * 20,
    "pass contoso": b"c" * 20,
}


@pytest.mark.parametrize(
    ("given", "shared", "contoso"),
    [
        ({"pat_command": "vault kv get"}, "v", "v"),
        ({"pat_command": "vault kv get -field=pat x"}, "v", "v"),
        ({"pat_command": "unnamed=vault kv get"}, "v", "v"),
        ({"pat_command": "CONTOSO=pass contoso"}, "e", "c"),
        ({"pat_command": (" contoso =pass contoso", "vault kv get")}, "v", "c"),
        ({"pat_command": "not run", "pat_file": "f"}, "f", "f"),
        ({"pat_command": "not run", "pat_stdin": "true"}, "s", "s"),
        ({"pat_command": "contoso=not run", "pat_file": ("contoso=f", "f")}, "f", "f"),
        ({"pat_command": "contoso=not run", "pat_variable": "contoso=NAME"}, "e", "n"),
        ({"pat_command": "vault kv get", "pat_variable": "contoso=NAME"}, "v", "n"),
        ({"pat_command": "new=pass contoso", "pat_file": "new=f"}, "e", "e"),
    ],
)
def test_a_command_gives_a_token_where_no_file_and_no_option_for_a_variable_does(
    given: dict[str, Any], shared: str, contoso: str
) -> None:
    """A prefix counts only for an organization that is named in this run."""
    variables = {"ASPM_ADO_PAT": "e" * 20, "NAME": "n" * 20}
    sources = FakeSources({"-": b"s" * 20, "f": b"f" * 20}, variables, PRINTED)
    tokens = tokens_given(asker(**given), sources, named=(CONTOSO, FABRIKAM))
    for place, letter in ((CONTOSO, contoso), (FABRIKAM, shared)):
        token = tokens.of(place)
        assert token is not None
        assert token.secret.reveal() == letter * 20
        if letter in "vc":
            assert token.source == "command"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"pat_command": ("vault kv get", "pass contoso")}, Reason.USAGE),
        ({"pat_command": ("contoso=pass contoso", "Contoso=vault kv get")}, Reason.USAGE),
        ({"pat_variable": ("contoso=NAME", "Contoso=NAME")}, Reason.USAGE),
        ({"pat_variable": "NAME"}, Reason.INPUT_INVALID),
        ({"pat_variable": "contoso=UNSET"}, Reason.TOKEN_EMPTY),
        ({"pat_command": "two words"}, Reason.TOKEN_MALFORMED),
        ({"pat_command": "vault kv get", "create_token": "require"}, Reason.USAGE),
        ({"pat_variable": "contoso=NAME", "create_token": "require"}, Reason.USAGE),
    ],
)
def test_a_command_or_a_variable_that_gives_no_one_token_is_refused(
    given: dict[str, Any], reason: Reason
) -> None:
    commands = {**PRINTED, "two words": b"a secret"}
    sources = FakeSources(variables={"NAME": "n" * 20}, commands=commands)
    error = refused(lambda: tokens_given(asker(**given), sources, named=(CONTOSO,)))
    assert error.reason is reason
    assert "words" not in error.problem


def test_a_variable_that_holds_no_token_is_refused_by_its_name() -> None:
    for value, reason in (
        ("$(PAT)", Reason.VARIABLE_NOT_EXPANDED),
        ("a b", Reason.TOKEN_MALFORMED),
    ):
        error = refused(
            lambda value=value: tokens_given(
                asker(), FakeSources(variables={"ASPM_ADO_PAT": value})
            )
        )  # type: ignore[misc]
        assert error.reason is reason
        assert "ASPM_ADO_PAT" in error.problem


def test_the_token_of_the_aspm() -> None:
    variables = {"INVICTI_ASPM_TOKEN": "i" * 20, "KONDUKTO_TOKEN": "k" * 20}
    sources = FakeSources({"f": b"f" * 20}, variables)
    for given, expected in (({"aspm_token_file": "f"}, "file f"), ({}, "INVICTI_ASPM_TOKEN")):
        taken = aspm_token_given(asker(**given), sources)
        assert taken is not None
        assert taken.source == expected
    old = aspm_token_given(asker(), FakeSources(variables={"KONDUKTO_TOKEN": "k" * 20}))
    assert old is not None
    assert old.source == "KONDUKTO_TOKEN"
    assert aspm_token_given(asker(), FakeSources()) is None


@pytest.mark.parametrize(
    ("given", "names", "everything"),
    [
        ({"organization": "contoso"}, ("contoso",), False),
        (
            {"organization": ("contoso", "https://dev.azure.com/Fabrikam/x")},
            ("contoso", "Fabrikam"),
            False,
        ),
        ({"organization": ("contoso", "CONTOSO")}, ("contoso",), False),
        ({"all_organizations": "true"}, (), True),
        ({"organization": "contoso", "all_organizations": "true"}, ("contoso",), True),
        ({"server_url": "https://tfs.example.test/tfs/Main"}, ("Main",), False),
        (
            {"server_url": "https://tfs.example.test/tfs", "collection": ("A", "B")},
            ("A", "B"),
            False,
        ),
        ({"server_url": "https://tfs.example.test", "all_organizations": "true"}, (), True),
        (
            {"server_url": "http://tfs.example.test/tfs/Main", "allow_http": "true"},
            ("Main",),
            False,
        ),
    ],
)
def test_where(given: dict[str, Any], names: tuple[str, ...], everything: bool) -> None:
    there = target_given(asker(**given))
    assert there is not None
    assert (there.names, there.list_all) == (names, everything)
    assert (there.site == SERVICES) is ("server_url" not in given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"organization": "contoso", "server_url": "https://tfs.example.test"}, Reason.USAGE),
        ({"collection": "Main"}, Reason.USAGE),
        ({"collection": "Main", "organization": "contoso"}, Reason.USAGE),
        ({"organization": "https://evil.example/contoso"}, Reason.URL_INVALID),
        ({"server_url": "http://tfs.example.test"}, Reason.HTTP_REFUSED),
        ({"server_url": "https://dev.azure.com/contoso"}, Reason.URL_INVALID),
    ],
)
def test_where_not(given: dict[str, Any], reason: Reason) -> None:
    assert refused(lambda: target_given(asker(**given))).reason is reason


def test_nowhere() -> None:
    assert target_given(asker()) is None


@pytest.mark.parametrize("text", ["ALM", " alm ", "alm+issue-manager", "issue-manager"])
def test_a_choice_in_any_letters(text: str) -> None:
    assert one_of(PURPOSE)(text) in PURPOSE.values


@pytest.mark.parametrize("text", ["", "al", "every", "organisation", "organisations"])
def test_a_wrong_choice_is_told_the_right_ones(text: str) -> None:
    error = refused(lambda: one_of(REACH)(text))
    assert error.reason is Reason.INPUT_INVALID
    assert all(value in error.remedy for value in REACH.values)
    assert ("Did you mean organization?" in error.remedy) is text.startswith("organisation")


@pytest.mark.parametrize(
    ("text", "value"),
    [("auto", "auto"), (" NO ", "no"), ("Payments/checkout api", "Payments/checkout api")],
)
def test_a_repository_to_try(text: str, value: str) -> None:
    assert str(parse_check_clone(text)) == value


@pytest.mark.parametrize("text", ["", "yes", "a/", "/b", "a/b/c", "a/b\x00", "a\nb/c"])
def test_no_repository(text: str) -> None:
    assert refused(lambda: parse_check_clone(text)).reason is Reason.INPUT_INVALID


@pytest.mark.parametrize("text", ["", " ", "a:b", "a\x00", "a\nb", "a\x7f"])
def test_no_username(text: str) -> None:
    assert refused(lambda: parse_username(text)).reason is Reason.INPUT_INVALID


@pytest.mark.parametrize("text", ["contoso", "0", "a.b_c-d", "a" * 63])
def test_a_name(text: str) -> None:
    assert parse_name(f" {text} ") == text


@pytest.mark.parametrize(
    "text", ["", "Contoso", "-a", ".a", "a b", "a/b", "ä", "a" * 64, "a\n b", "../a"]
)
def test_no_name(text: str) -> None:
    assert refused(lambda: parse_name(text)).reason is Reason.INPUT_INVALID


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"organization": ("Contoso", "fabrikam")}, "contoso"),
        ({"server_url": "https://TFS.example.test:8443/tfs/Main"}, "tfs.example.test"),
        ({"server_url": "https://[::1]/tfs/Main"}, "1"),
    ],
)
def test_the_default_name(given: dict[str, Any], name: str) -> None:
    there = target_given(asker(**given))
    assert there is not None
    assert default_name(there.site, there.names) == name
    assert parse_name(name) == name


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://acme.kondukto.io", "https://acme.kondukto.io"),
        ("acme.kondukto.io/login?next=/", "https://acme.kondukto.io"),
        ("HTTPS://Acme.Kondukto.io:443/", "https://acme.kondukto.io"),
        ("https://aspm.example.test:8443/x", "https://aspm.example.test:8443"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
    ],
)
def test_the_origin_of_an_aspm(text: str, url: str) -> None:
    assert parse_aspm_url(text) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://aspm.example.test", Reason.HTTP_REFUSED),
        ("ftp://aspm.example.test", Reason.URL_INVALID),
        ("https://me@aspm.example.test", Reason.URL_INVALID),
        ("https://me:secret@aspm.example.test", Reason.URL_INVALID),
        ("https://aspm example.test", Reason.URL_INVALID),
        ("https://aspm.example.test\\@evil.example", Reason.URL_INVALID),
    ],
)
def test_no_aspm(text: str, reason: Reason) -> None:
    assert refused(lambda: parse_aspm_url(text)).reason is reason


@pytest.mark.parametrize(
    ("site", "hosts"),
    [
        (
            SERVICES,
            "dev.azure.com, vssps.dev.azure.com, vsaex.dev.azure.com, app.vssps.visualstudio.com",
        ),
        (Site(Deployment.SERVER, "https://tfs.example.com:8443/tfs"), "tfs.example.com"),
    ],
)
def test_every_host_that_a_token_may_be_sent_to_is_said_before_it_is_typed(
    site: Site, hosts: str
) -> None:
    person = Person(PAT)
    ask_token(asker(person), site, "contoso")
    assert person.told == [f"The token for contoso. It will be sent to these hosts only: {hosts}."]
    assert {origin.host for origin in site.origins} == set(hosts.split(", "))

"""Documents are read however they vary, and refused when they are something else; errors show nothing of them."""

import contextlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aspm_ado.adapters.http.services import AzureDevOps, read
from aspm_ado.domain.documents import (
    ANONYMOUS_ID,
    AspmKnown,
    AspmPage,
    ConnectionData,
    Document,
    Identity,
    Names,
    PatAnswer,
    Project,
    Projects,
    Repositories,
    Repository,
    UserProfile,
)
from aspm_ado.domain.http import Call
from aspm_ado.domain.reasons import Reason

from .servers import answer

ME = {
    "id": "9a3f",
    "providerDisplayName": "Ann",
    "properties": {"Account": {"$type": "System.String", "$value": "a@b"}},
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"authenticatedUser": ME, "deploymentType": "hosted"},
            ConnectionData(Identity("9a3f", "Ann", "a@b")),
        ),
        (
            {
                "authenticatedUser": {**ME, "customDisplayName": "Annie"},
                "webApplicationRelativeDirectory": "/tfs",
            },
            ConnectionData(Identity("9a3f", "Annie", "a@b")),
        ),
        (
            {
                "locationServiceData": {"webApplicationRelativeDirectory": "/x"},
                "AuthenticatedUser": {"ID": "1"},
            },
            ConnectionData(Identity("1")),
        ),
        (
            {
                "authenticatedUser": {"id": None, "properties": None, "customDisplayName": None},
                "locationServiceData": None,
            },
            ConnectionData(Identity("")),
        ),
        (
            {
                "authenticatedUser": {"id": ANONYMOUS_ID, "properties": {"Account": None}},
                "deploymentType": None,
            },
            ConnectionData(Identity(ANONYMOUS_ID)),
        ),
        (
            {"authenticatedUser": {"id": "1", "properties": {"Account": "D\\u"}}},
            ConnectionData(Identity("1", "", "D\\u")),
        ),
    ],
)
def test_connection_data(document, expected):
    assert read(ConnectionData, json.dumps(document)) == expected


def test_profile():
    text = '\ufeff{"emailAddress":"a@b","id":"1","displayName":null,"coreRevision":7}'
    assert read(UserProfile, text) == UserProfile(Identity("1", "", "a@b"))


@pytest.mark.parametrize("key", ["accountName", "name", "AccountName"])
def test_names(key):
    text = json.dumps(
        {"value": [{key: "b"}, {key: "A"}, {key: None}, {key: "B", "x": 1}], "count": 4}
    )
    assert read(Names, text) == Names(("b", "A"))


def test_a_repository_without_a_branch_and_a_size_has_no_content():
    rows = [
        {"defaultBranch": "refs/heads/main", "size": 1602},
        {"size": 0},
        {"defaultBranch": None, "size": 0},
        {"size": 7},
        {"defaultBranch": "refs/heads/main", "size": 0},
        {},
    ]
    rows = [{"id": "1", "name": "r", "project": {"name": "p"}, **row} for row in rows]
    found = read(Repositories, json.dumps({"value": rows})).repositories
    assert [one.has_content for one in found] == [True, False, False, True, True, True]


def test_projects_and_repositories():
    assert read(Projects, '{"value":[{"id":"1","name":"p"},{"id":null,"name":"q"}]}') == Projects(
        (Project("1", "p"),)
    )
    repositories = [
        {"id": "1", "name": "r", "project": {"name": "p"}, "isDisabled": None},
        {"id": "2", "name": "s", "project": {"name": "p"}, "isDisabled": True},
        {"id": "3", "name": "t", "project": None, "isInMaintenance": True},
    ]
    assert read(Repositories, json.dumps({"count": 3, "value": repositories})) == Repositories(
        (
            Repository("1", "r", "p"),
            Repository("2", "s", "p", enabled=False),
            Repository("3", "t", "", enabled=False),
        )
    )
    assert read(Repositories, '{"value":[]}') == Repositories(())


def test_a_null_in_a_list_is_none_of_it():
    assert read(Names, '{"value":[null,{"name":"a"}]}') == Names(("a",))
    projects = read(Projects, '{"value":[{"id":"1","name":"p"},null]}')
    assert projects == Projects((Project("1", "p"),))


@pytest.mark.parametrize("end", [None, "", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z"])
def test_a_token_without_an_end_has_none(end):
    document = {"patToken": {"authorizationId": "1", "validTo": end}}
    assert read(PatAnswer, json.dumps(document)).pat.valid_to is None


@pytest.mark.parametrize("expected", [ConnectionData, UserProfile, Names, Projects, Repositories])
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"value":"canary"}', '{"id":["canary"]}', "[" * 100_000]
)
def test_anything_else_is_refused(expected, text):
    with pytest.raises(ValueError) as caught:
        read(expected, text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(settings.get_profile("slow"))
@given(
    st.text()
    | st.recursive(
        st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ).map(json.dumps)
)
def test_nothing_but_value_error(text):
    for expected in (ConnectionData, Names):
        with contextlib.suppress(ValueError):
            read(expected, text)


DRESSES = st.fixed_dictionaries(
    {"value": st.just([{"accountName": "b", "more": None}, {"accountName": "A"}])},
    optional={
        "count": st.none() | st.integers(),
        "unknown": st.none() | st.text(),
        "@odata": st.just({"x": [None]}),
    },
)


@settings(settings.get_profile("slow"))
@given(DRESSES, st.randoms(), st.sampled_from([str, str.upper, str.capitalize]))
def test_a_list_in_any_dress(document, chance, spelt):
    """With or without a count, with keys that nobody knows, in any order and in other letters."""
    pairs = [(spelt(key) if key == "value" else key, value) for key, value in document.items()]
    chance.shuffle(pairs)
    assert read(Names, json.dumps(dict(pairs))) == Names(("b", "A"))


@pytest.mark.parametrize(
    ("status", "body", "kept", "failure"),
    [
        (200, b'\xef\xbb\xbf{"value":[{"name":"c"}]}', Names(("c",)), None),
        (200, b'{"value":[{"na', None, Reason.ANSWER_UNREADABLE),
        (200, b'{"other":1}', None, Reason.ANSWER_UNREADABLE),
        (200, b"", None, Reason.ANSWER_UNREADABLE),
        (200, b" \r\n<html>Sign in", None, None),
        (203, b'{"value":[]}', None, None),
        (401, b"", None, None),
    ],
)
def test_a_good_answer_comes_back_read(start, transport, status, body, kept, failure):
    server = start(answer(status, body, "Connection: close", length=False))
    reply = AzureDevOps(transport()).send(Call("GET", server.url, expects=Names))
    assert (reply.status, reply.answer, reply.failure) == (status, kept, failure)
    assert bool(reply.problem) == bool(failure) == bool(reply.remedy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"value":[{"accountName":"\\ud800"}]}', Names),
        ('{"authenticatedUser":{"id":"\\udfff"}}', ConnectionData),
        ('{"a":["\\ud83d"]}', Document),
        ('{"\\ud83d":1}', Document),
        ('{"limit":1e999,"start":0}', AspmPage),
        ('{"limit":NaN,"start":0}', AspmPage),
        ('{"total":' + "9" * 5000 + ',"teams":[]}', AspmPage),
        ('{"patToken":{"authorizationId":"1","validTo":"9999-12-31T23:59:59-14:00"}}', PatAnswer),
        ('{"exist":' + "[" * 900 + "]" * 900 + "}", AspmKnown),
        ("[" * 100_000, Document),
    ],
)
def test_what_cannot_be_converted_is_no_document(text, expected):
    with pytest.raises(ValueError, match=r"not (JSON|an? )") as caught:
        read(expected, text)
    assert caught.value.__suppress_context__


def test_a_text_is_cut_where_it_is_read():
    user = {"id": "1", "providerDisplayName": "n" * 9_000}
    identity = read(ConnectionData, json.dumps({"authenticatedUser": user})).identity
    assert len(identity.name) == 4096


def test_a_name_is_never_cut_into_that_of_something_else():
    """A verdict would be told of an organization that nobody asked for."""
    entries = [{"id": "1", "name": "n" * 1025}, {"id": "2", "name": "\U0001f600" * 1024}]
    text = json.dumps({"value": entries})
    kept = "\U0001f600" * 1024
    assert read(Projects, text).projects == (Project("2", kept),)
    assert [one.name for one in read(Repositories, text).repositories] == [kept]
    assert read(Names, text) == Names((kept,), 1)


def test_a_list_is_cut_and_how_much_is_left_off_is_told():
    document = {"value": [{"accountName": f"o{number}"} for number in range(10_007)]}
    names = read(Names, json.dumps(document))
    assert (len(names.names), names.left_off) == (10_000, 7)


def test_a_bug_is_told_in_the_reply_it_befell():
    class Broken:
        def exchange(self, call):
            raise LookupError("canary")

    reply = AzureDevOps(Broken()).send(Call("GET", "https://dev.azure.com/"))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert re.fullmatch(
        r"A bug in aspm-ado: LookupError at \S+:\d+ \(id [0-9a-f]{8}\)\.", reply.problem
    )


def test_a_long_list_is_read_whole(start, transport):
    names = [f"organization-{number}" for number in range(10_000)]
    server = start(
        answer(200, json.dumps({"value": [{"accountName": name} for name in names]}).encode())
    )
    reply = AzureDevOps(transport()).send(Call("GET", server.url, expects=Names))
    assert reply.answer == Names(tuple(names))
    assert len(reply.text) == 4096


def test_what_nobody_expects_is_not_read(start, transport):
    reply = AzureDevOps(transport()).send(Call("GET", start(answer(200, b"{cut")).url))
    assert (reply.answer, reply.failure, reply.text) == (None, None, "{cut")


def test_a_network_failure_stays_what_it_is(transport):
    reply = AzureDevOps(transport()).send(
        Call("GET", "https://no-such-host.invalid/", expects=Names)
    )
    assert reply.failure is Reason.NAME_UNRESOLVED

"""What is said of a token while something else answers, or Azure DevOps answers half."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace

import pytest

from aspm_ado.domain.reasons import NotCreatedError, Reason
from aspm_ado.flows.rotation.migrate import migrate
from aspm_ado.flows.rotation.rotate import rotate

from ..domain import replies as r
from .test_create import REQUIRED, run

PATS = "/_apis/tokens/pats"
GATEWAYS = {
    "a blocked page": r.reply(403, "<html>Blocked</html>", r.HTML),
    "a page": r.reply(200, "<html>Welcome</html>", r.HTML),
    "nothing there": r.reply(404, "not here"),
    "too slow": r.reply(408),
    "a conflict": r.reply(409, "{}", r.JSON),
    "taken": r.reply(202),
    "no content": r.reply(204),
}
HALF = {
    "taken, of Azure DevOps": r.reply(202, "", r.MARKS, r.USER),
    "no content, of Azure DevOps": r.reply(204, "", r.MARKS, r.USER),
    "a page of Azure DevOps": r.reply(200, r.PAGE, r.MARKS, r.HTML),
}


class _Between:
    """Something between us and the service, which answers one method in its place."""

    def __init__(self, transport, method, odd, *, acts, where):
        self._transport, self._method, self._odd = transport, method, odd
        self._acts, self._where = acts, where

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def exchange(self, call):
        if (
            call.method != self._method
            or PATS not in call.url
            or self._where not in call.url.lower()
        ):
            return self._transport.exchange(call)
        if self._acts:
            self._transport.exchange(call)
        return replace(self._odd, call=call), self._odd.text


@contextlib.contextmanager
def answered(here, method, odd, *, acts=True, where=""):
    """Requests of a method get this answer, whether they reach the service (``acts``) or not."""
    own = here.stand.transport
    here.stand.transport = _Between(own, method, odd, acts=acts, where=where)
    yield
    here.stand.transport = own


@pytest.mark.parametrize("odd", {**GATEWAYS, **HALF}.values(), ids=[*GATEWAYS, *HALF])
def test_a_creation_that_another_answers_is_looked_up_and_what_it_made_is_revoked(desk, odd):
    here = desk()
    with answered(here, "POST", odd), pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is Reason.CREATION_UNCERTAIN
    assert here.made
    assert all(one.revoked for one in here.made)


@pytest.mark.parametrize("odd", GATEWAYS.values(), ids=GATEWAYS)
def test_a_creation_that_another_answers_is_not_called_refused_or_sent_again(desk, odd):
    here = desk()
    with answered(here, "POST", odd, acts=False), pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is Reason.CREATION_FAILED
    assert "the list of its tokens shows none" in caught.value.problem
    assert "revoke it, if it is there" in caught.value.remedy
    assert here.asked("POST") == [], "the gateway kept the only one"


@pytest.mark.parametrize(
    "odd",
    [
        *GATEWAYS.values(),
        HALF["a page of Azure DevOps"],
        r.reply(200, '{"patTokenError": "accessDenied"}', r.MARKS, r.JSON, r.USER),
        r.reply(302, "", r.MARKS, (("Location", "https://login.example"),)),
    ],
)
def test_a_token_is_revoked_only_where_azure_devops_says_so(desk, odd):
    here = desk()
    run(here)
    with answered(here, "DELETE", odd, acts=False):
        assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert "could not be revoked" in here.said
    assert "is revoked." not in here.said
    assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert [one.revoked for one in here.made] == [True, True, False], (
        "the next creation tries again"
    )


@pytest.mark.parametrize("error", ["tokenNotFound", "AuthorizationNotFound"])
def test_a_token_that_is_gone_needs_no_revocation(desk, error):
    here = desk()
    run(here)
    odd = r.reply(200, f'{{"patTokenError": "{error}"}}', r.MARKS, r.JSON, r.USER)
    with answered(here, "DELETE", odd, acts=False):
        assert int(rotate(here.context(REQUIRED), "contoso", []).exit_code) == 0
    assert "could not be revoked" not in here.said


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "odd",
    [GATEWAYS["a blocked page"], r.reply(500, r.PAGE, r.MARKS, r.HTML), r.reply(429, "", r.MARKS)],
    ids=["gateway", "error", "throttled"],
)
def test_what_answers_for_one_organization_keeps_no_other_from_its_token(desk, method, odd):
    here = desk()
    run(here, {"organization": ("contoso", "fabrikam"), "pat_file": "pat", "reach": "all"})
    with answered(here, method, odd, acts=False, where="/fabrikam/"):
        report = migrate(here.context({**REQUIRED, "organization": (), "reach": ""}), "contoso")
    assert int(report.exit_code) == 5
    [contoso, fabrikam] = report.connections[0].organizations
    assert contoso.token.source == "az"
    access = next(one for one in fabrikam.checks if one.id.value == "organization.access")
    assert (access.status.value, bool(access.remedy)) == ("unknown", True)
    assert here.entry.unmigrated == ("fabrikam",)


class _Contradicts(_Between):
    """An answer to a creation with an error beside its token."""

    def exchange(self, call):
        reply, text = self._transport.exchange(call)
        if call.method != self._method or PATS not in call.url:
            return reply, text
        document = {**json.loads(text), "patTokenError": self._odd}
        if self._acts:
            document["patToken"].pop("authorizationId")
        return reply, json.dumps(document)


@pytest.mark.parametrize("error", ["failedToUpdateAccessToken", "accessDenied", "newIn2027"])
@pytest.mark.parametrize("without_id", [False, True])
def test_a_token_that_comes_with_an_error_is_revoked(desk, error, without_id):
    here = desk()
    own = here.stand.transport
    here.stand.transport = _Contradicts(own, "POST", error, acts=without_id, where="")
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is not Reason.CREATION_UNCERTAIN
    assert here.made
    assert all(one.revoked for one in here.made)
    assert "reported an error in contoso, and sent a token with it" in here.said
    assert here.stand.records.load().ordered == ()


def test_a_token_that_comes_with_an_error_and_cannot_be_revoked_is_named(desk):
    here = desk()
    own = here.stand.transport
    gateway = _Between(own, "DELETE", GATEWAYS["a blocked page"], acts=False, where="")
    here.stand.transport = _Contradicts(gateway, "POST", "accessDenied", acts=False, where="")
    with pytest.raises(NotCreatedError) as caught:
        run(here)
    assert caught.value.reason is Reason.CREATION_UNCERTAIN
    [made] = here.made
    assert made.name in caught.value.remedy
    assert len(here.stand.records.load().ordered) == 1, "the next creation revokes it"


def test_an_az_that_fails_runs_once_for_all_organizations(desk):
    here = desk()
    here.az.fails("Max retries exceeded")
    given = {"organization": ("contoso", "fabrikam"), "yes": "true", "create_token": "require"}
    report = run(here, given)
    assert int(report.exit_code) == 5
    assert len(here.az.calls) == 1


@pytest.mark.parametrize("field", ['"validTo":"', '"validTo" : "'])
def test_an_end_that_azure_devops_does_not_say_is_not_told_for_one(desk, field):
    """A policy may have made it shorter than it was ordered."""
    here = desk()

    class Endless(_Between):
        def exchange(self, call):
            reply, text = self._transport.exchange(call)
            return reply, re.sub(r'"validTo": ?"', f'{field}0001-01-01T00:00:00", "was": "', text)

    here.stand.transport = Endless(here.stand.transport, "", None, acts=True, where="")
    report = run(here)
    [organization] = report.connections[0].organizations
    assert (organization.token.expires, organization.token.expires_source) == (None, None)
    assert "Azure DevOps did not say until when" in here.said

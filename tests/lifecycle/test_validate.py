"""Stored connections proven again: what has changed is said once, nothing hides another, nothing is asked twice."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import Reason, Status, UsageError
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Catalogue, StoredAspm, StoredOrganization
from aspm_ado.flows.connect import connect
from aspm_ado.flows.disconnect import disconnect
from aspm_ado.flows.storage.transaction import update_entry
from aspm_ado.flows.validate import Terms, validate_ad_hoc, validate_stored
from aspm_ado.flows.validation.scheduler import IN_FLIGHT, Scheduler
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import Organization

from ..domain import replies as r
from ..flows.context import FakeRecords, FakeVault, Voice, context, entry_of_one
from ..flows.service import Service
from ..hours import NIGHT
from ..simulator.worlds import a_token
from .machine import NEW, Machine, asked, check, codes

CHANGED = ("It passed", "It did not pass", "the owner was", "its reach was", "New since")


@pytest.fixture
def here(handed_off) -> Machine:
    return handed_off


def validated(here, *names, **terms):
    return validate_stored(here.context(), names, terms=Terms(**terms))


def news(report) -> list[str]:
    """The ids of the checks that say what has changed."""
    return [
        one.id.value for one in report.all_checks() if any(word in one.detail for word in CHANGED)
    ]


def test_nothing_has_changed(here):
    for _ in range(2):
        report = validated(here)
        assert int(report.exit_code) == 0
        assert news(report) == []


def test_a_scope_lost_and_back(here):
    here.token(scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"})
    report = validated(here)
    assert (int(report.exit_code), codes(report)) == (3, {"code-scope-missing"})
    assert "It passed on 2026-10-15." in check(report, "scope.code").detail
    assert news(validated(here)) == []
    here.token(scopes=samples.ALM_SCOPES)
    report = validated(here)
    assert "It did not pass on 2026-10-15." in check(report, "scope.code").detail
    assert news(report) == ["scope.code"]
    assert news(validated(here)) == []


def test_the_day_is_that_on_which_the_check_was_last_found_out(here):
    """By Azure DevOps' calendar; not the day on which another organization was proven."""
    here.world(today=date(2026, 10, 20))
    connect(
        here.context({"organization": "fabrikam", "pat_file": "new", "register": "none"}), "contoso"
    )
    here.token(scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"})
    report = validated(here)
    assert "It passed on 2026-10-15." in check(report, "scope.code").detail
    here.token(scopes=samples.ALM_SCOPES)
    assert "It did not pass on 2026-10-20." in check(validated(here), "scope.code").detail


def test_reach_lost(here):
    here.token(reach="Contoso")
    report = validated(here)
    assert codes(report) == {"reach-organization-only"}
    assert "its reach was: all" in check(report, "reach").detail
    assert news(validated(here)) == []


def test_another_identity(here):
    here.token(owner=samples.GRACE)
    report = validated(here)
    assert "On 2026-10-15, the owner was Ada Example." in check(report, "identity").detail
    assert news(validated(here)) == []


def test_a_dead_token_is_news_once(here):
    here.token(expires=date(2026, 10, 1))
    report = validated(here)
    assert int(report.exit_code) == 4
    assert news(report) == ["identity"]
    assert news(validated(here)) == []


def test_a_new_organization(here):
    here.world(
        organizations=(
            *here.stand.simulator.world.organizations,
            Organization("Tailspin", (), (samples.ADA,)),
        )
    )
    report = validated(here)
    assert "New since then: Tailspin." in check(report, "reach").detail
    assert int(report.exit_code) == 0
    assert news(validated(here)) == []


def test_an_organization_that_another_connection_has_is_not_new(here):
    here.world(
        organizations=(
            *here.stand.simulator.world.organizations,
            Organization("Tailspin", (), (samples.ADA,)),
        )
    )
    connect(here.context(asked("tailspin", register="none")), "other")
    assert "New since then" not in check(validated(here, "contoso"), "reach").detail


def test_an_outage_is_no_news_and_forgets_nothing(here):
    before = here.entry
    made = here.context()
    report = validate_stored(
        replace(made, scheduler=Scheduler(lambda call: replace(r.silence(), call=call))), []
    )
    assert int(report.exit_code) == 5
    assert news(report) == []
    assert here.entry == before
    assert news(validated(here)) == []


def test_how_strict(here):
    """Days are counted to the end of global tokens; strictness is of this run alone."""
    assert check(validated(here, warn_days=400), "token.expiry").status.value == "warn"
    assert check(validated(here, warn_days=30), "token.expiry").status.value == "pass"
    strict = validated(here, fail_on_warning=True)
    assert (int(strict.exit_code), codes(strict)) == (3, {"warning-refused"})
    lenient = validated(here)
    assert int(lenient.exit_code) == 0
    assert news(lenient) == []


def test_how_it_is_asked_may_be_said_of_stored_ones_too(here):
    made = here.context(asked(read_only_probes="true", check_clone="no"))
    before = len(here.stand.wire.calls)
    report = validate_stored(made, [])
    assert {call.method for call in here.stand.wire.calls[before:]} == {"GET"}
    assert check(report, "scope.code").reason.value == "read-only-probes"
    assert check(report, "clone.token").reason.value == "not-wanted"


def test_what_a_connection_trusts_is_on_record_for_what_is_added_to_it(machine):
    here = machine()
    connect(replace(here.context(asked(register="guided")), ca_bundle="/corp.pem"), None)
    again = here.context(asked("fabrikam", register="guided"))
    before = len(here.stand.wire.calls)
    connect(again, "contoso")
    assert {call.ca_bundle for call in here.stand.wire.calls[before:]} == {"/corp.pem"}
    assert here.entry.ca_bundle == "/corp.pem"


def test_never_eight(machine):
    here = machine()
    report = connect(here.context(asked(register="auto")), None)
    assert int(report.exit_code) == 8
    report = validated(here)
    assert int(report.exit_code) == 0
    assert check(report, "aspm.registration").status.value == "warn"


def test_token_variables_are_noted_and_not_used(here):
    made = here.context(variables={"ASPM_ADO_PAT": NEW, "INVICTI_ASPM_TOKEN": "of another ASPM"})
    validate_stored(made, [])
    for name in ("ASPM_ADO_PAT", "INVICTI_ASPM_TOKEN"):
        assert f"{name} is set and not used" in here.stand.voice.text
    sent = {call.credential.secret.reveal() for call in here.stand.wire.calls if call.credential}
    assert NEW not in sent


def test_one_failing_connection_hides_no_other(here):
    connect(here.context(asked("fabrikam", register="guided", pat_file="new")), None)
    [gone] = here.entry.credentials.values()
    del here.secrets[gone.service]
    report = validated(here)
    made = {one.name: one for one in report.connections}
    assert codes(report) == {"token-gone"}
    assert int(report.exit_code) == 4
    assert made["fabrikam"].organizations[0].is_good
    assert [one.name for one in validated(here, "fabrikam").connections] == ["fabrikam"]
    with pytest.raises(UsageError) as caught:
        validated(here, "fabrikam", "nobody")
    assert caught.value.reason is Reason.NOTHING_STORED


@pytest.mark.parametrize(
    "change", [{"base_url": "http://[", "deployment": "server"}, {"aspm": StoredAspm("//")}]
)
def test_an_address_that_is_none_hides_no_other_connection(here, change):
    connect(here.context(asked("fabrikam", register="guided")), "other")
    update_entry(here.context(), "other", lambda entry: replace(entry, **change))
    report = validated(here)
    assert int(report.exit_code) == 7
    made = {one.name: one for one in report.connections}
    assert made["contoso"].organizations[0].is_good
    assert made["other"].checks[0].reason is Reason.RECORDS_UNREADABLE
    assert "aspm-ado disconnect other" in made["other"].checks[0].remedy
    disconnect(here.context({"yes": "true"}), "other")
    assert int(validated(here).exit_code) == 0


def test_a_keyring_that_is_locked_is_asked_once(here):
    for name in ("second", "third"):
        connect(
            here.context(asked("fabrikam", register="none", aspm_url="", aspm_token_file="")), name
        )
    made = here.context()
    asks = []
    read = here.vault.read

    def counting(service, origin):
        asks.append(service)
        return read(service, origin)

    here.vault.read, here.vault.locked = counting, True
    report = validate_stored(made, [])
    assert int(report.exit_code) == 7
    assert [one.checks[0].reason for one in report.connections] == [Reason.KEYRING_LOCKED] * 3
    assert len(asks) == 2, "once for the tokens, once for the ASPM's"


def test_another_run_has_swapped_the_token_meanwhile(here):
    """The verdict of the old token is not written down for the new one."""
    from aspm_ado.flows.rotation.rotate import rotate

    here.token(scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"})
    made = here.context()
    exclusive = made.records.change

    def late(edit):
        made.records.change = exclusive
        rotate(here.context({"pat_file": "new", "register": "none"}), "contoso", [])
        return exclusive(edit)

    made.records.change = late
    assert int(validate_stored(made, []).exit_code) == 3
    assert here.in_force() == NEW
    assert here.entry.organizations[0].verdict["scope.code"] == "partial"


# Many


MANY = 200 if NIGHT else 40


class Counting:
    """Sends, and keeps the greatest number that was under way at once. The dead host answers last."""

    def __init__(self, service: Service, dead: str = "") -> None:
        self.service, self.dead = service, dead
        self.flying = self.most = 0
        self._lock = threading.Lock()
        self._full = threading.Event()

    def __call__(self, call: Call) -> Reply:
        with self._lock:
            self.flying += 1
            self.most = max(self.most, self.flying)
        try:
            if self.dead and self.dead in call.url:
                return replace(r.silence(Reason.NAME_UNRESOLVED), call=call)
            return self.service(call)
        finally:
            with self._lock:
                self.flying -= 1


def pat(number: int) -> str:
    return f"SimulatedNotAToken{number:04}".ljust(76, "7") + "AZDOWx9Z"


def many(count: int = MANY, *, shared: bool = False):
    names = [f"Org{number:03}" for number in range(count)]
    tokens = [
        a_token(value=pat(number), reach=None if shared else name)
        for number, name in enumerate(names)
    ]
    vault = FakeVault()
    entries, origins = {}, {}
    for number, name in enumerate(names):
        service = f"aspm-ado:{name.lower()}:k"
        origins[service] = "https://dev.azure.com"
        vault.secrets[service] = Secret(pat(number))
        entries[name.lower()] = entry_of_one(name, service, "Wx9Z")
    reads: Counter[str] = Counter()
    read = vault.read

    def counted(service: str, origin: str):
        reads[service] += 1
        return read(service, origin)

    vault.read = counted
    service = Service(*tokens, organizations=names)
    service.begin(*(one.value for one in tokens))
    made = Catalogue(entries)
    return names, service, vault, FakeRecords(made.bound(made.unbound)), reads


def test_many_connections_cost_what_the_plan_says():
    _, alone, vault, records, _ = many(1)
    validate_stored(context(records=records, vault=vault, scheduler=Scheduler(alone)), [])
    assert len(alone.calls) == 14, (
        "two questions, eight probes, and a repository found and read twice"
    )
    _, service, vault, records, reads = many()
    send = Counting(service)
    report = validate_stored(context(records=records, vault=vault, scheduler=Scheduler(send)), [])
    assert len(report.connections) == MANY
    assert int(report.exit_code) == 0
    assert service.problems == []
    assert len(service.calls) == MANY * len(alone.calls)
    assert Counter(service.names()) == Counter(
        {kind: MANY * n for kind, n in Counter(alone.names()).items()}
    )
    assert send.most <= IN_FLIGHT
    assert set(reads.values()) == {1}
    assert len(reads) == MANY
    assert len(records.history) == 1, "the verdicts are written down at once"


def test_one_dead_host_among_them_costs_no_other_verdict():
    _, service, vault, records, _ = many()
    report = validate_stored(
        context(records=records, vault=vault, scheduler=Scheduler(Counting(service, "/Org017/"))),
        [],
    )
    bad = [one.name for one in report.connections if not one.organizations[0].is_good]
    assert bad == ["org017"]
    assert int(report.exit_code) == 5


def test_a_token_of_many_organizations_is_read_once():
    _, service, vault, records, reads = many(1)
    entry = records.catalogue.connections["org000"]
    more = tuple(StoredOrganization(f"Org{number:03}", "k") for number in range(30))
    records.catalogue = Catalogue({"org000": replace(entry, organizations=more)})
    service = Service(a_token(value=pat(0)), organizations=[one.name for one in more])
    voice = Voice()
    validate_stored(
        context(records=records, vault=vault, scheduler=Scheduler(service), voice=voice), []
    )
    assert list(reads.values()) == [1]
    assert service.names().count("profile") == 1


def test_locked_records_do_not_fail_it(here):
    from aspm_ado.adapters.records.catalog import DiskRecords

    with DiskRecords(here.folder).exclusive():
        made = here.context()
        made = replace(made, records=DiskRecords(here.folder, wait=0.01))
        assert int(validate_stored(made, []).exit_code) == 0
        assert "aspm-ado could not save this result" in here.stand.voice.text
        assert made.records.load().connections.keys() == {"contoso"}


# --- owners


def on_record(here, name: str, owner: str) -> None:
    """One more connection, whose token this person owns."""

    def edit(catalogue: Catalogue) -> Catalogue:
        token = replace(next(iter(here.entry.credentials.values())), service=f"{name}-1", identity_id=owner)  # fmt: skip
        entry = replace(here.entry, name=name, credentials=dict.fromkeys(here.entry.credentials, token))  # fmt: skip
        return replace(catalogue, connections={**catalogue.connections, name: entry})

    here.context().records.change(edit)


def identity_of(report):
    [organization] = report.connections[0].organizations
    return organization, check(report, "identity")


def test_an_owner_is_shown_with_the_other_connections_that_are_theirs(here):
    [one] = here.entry.credentials.values()
    for name, owner in (("newco", one.identity_id), ("oldco", one.identity_id.upper()), ("graces", "2-2"), ("unknown", "")):  # fmt: skip
        on_record(here, name, owner)
    organization, told = identity_of(validated(here, "contoso"))
    assert organization.others == ("newco", "oldco")
    assert told.status is Status.PASS
    assert told.detail.endswith(" Other connections with this owner: newco, oldco.")
    assert news(validated(here, "contoso")) == []


def test_an_owner_of_one_connection_is_shown_as_before(here):
    organization, told = identity_of(validated(here))
    assert (organization.others, "Other connections" in told.detail) == ((), False)


def test_a_token_given_ad_hoc_is_shown_alone(here):
    """What is on record is not read for it."""
    organization, told = identity_of(validate_ad_hoc(here.context(asked(organization="contoso"))))
    assert (organization.others, told.status) == ((), Status.PASS)


def test_the_day_of_the_end_is_the_one_that_comes_first(here):
    """By the clock of Azure DevOps; the document has the days."""
    token = identity_of(validated(here))[0].token
    today = here.context().clock.today
    assert token.reach is Reach.ALL
    assert token.ends == str(today + timedelta(token.days_left))
    assert token.end == "2026-12-01" != token.expires

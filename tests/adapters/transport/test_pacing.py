"""Waiting: as long as a service asks, never longer than the call may last, and all threads together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aspm_ado.adapters.http.pacing import Gate, Hold, Pace
from aspm_ado.domain.reasons import Reason

from .servers import answer

DATE = "Date: Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_service_is_asked_again(start, transport, get, time, status):
    server = start(answer(status, b"busy"), answer(status, b"<html>busy"), answer())
    assert transport().send(get(server.url)).status == 200
    assert time.slept == [0.5, 1.0]


def test_a_burst_of_errors_is_told_once(start, transport, get):
    """Each wait below a second passes unsaid; the last one is told, with what was heard."""
    server, notes = start(answer(500, b"{}"), answer(502, b"<html>"), answer()), []
    client = transport(note=notes.append)
    assert client.send(get(server.url)).status == 200
    assert notes == [f"localhost:{server.port} answered 502; trying again in 1 s."]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_stays_busy_is_an_answer(start, transport, get, status):
    server = start(answer(status, b"busy"))
    reply = transport().send(get(server.url))
    assert (reply.status, reply.failure, len(server.received)) == (status, None, 3)


@pytest.mark.parametrize("status", [200, 203, 302, 400, 401, 403, 404, 409, 501])
def test_other_answers_are_final(start, transport, get, status, time):
    server = start(answer(status, b"{}"))
    assert transport().send(get(server.url)).status == status
    assert (len(server.received), time.slept) == (1, [])


@pytest.mark.parametrize(
    "deactivated",
    [
        answer(
            503,
            b'\xef\xbb\xbf{"message":"TF24668: The following team project collection is stopped"}',
        ),
        answer(503, b"", "X-TFS-ServiceError: TF24668%3A%20stopped"),
    ],
)
def test_a_deactivated_organization_does_not_come_back_in_a_moment(
    start, transport, get, deactivated
):
    server = start(deactivated)
    assert transport().send(get(server.url)).status == 503
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("007", 7.0),
        ("Mon, 23 Nov 2026 10:00:09 GMT", 9.0),
        ("Mon, 23 Nov 2026 10:00:09 -0000", 9.0),
        ("Mon, 23 Nov 2026 09:59:00 GMT", 0.5),
        ("Mon, 99 Nov 2026 09:59:00 GMT", 0.5),
        ("-7", 0.5),
        ("0", 0.5),
        ("7.5", 0.5),
        ("soon", 0.5),
        ("٧", 0.5),
        ("", 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_what_retry_after_means(start, transport, get, time, status, asked, waited):
    server = start(
        answer(status, b"", f"Retry-After: {asked}".encode().decode("latin-1"), DATE), answer()
    )
    assert transport().send(get(server.url)).status == 200
    assert time.slept == [waited]


def test_a_date_without_a_date_of_the_answer_is_not_read_by_our_clock(start, transport, get, time):
    server = start(answer(429, b"", "Retry-After: Mon, 23 Nov 2099 10:00:00 GMT"), answer())
    transport().send(get(server.url))
    assert time.slept == [0.5]


@pytest.mark.parametrize("asked", ["31", "3600", "9" * 5000, "Mon, 23 Nov 2099 10:00:00 GMT"])
def test_a_wait_that_is_too_long_is_the_answer(start, transport, get, time, asked):
    server = start(answer(429, b"", f"Retry-After: {asked}", DATE))
    reply = transport(timeout=100).send(get(server.url))
    assert (reply.status, reply.failure, time.slept, len(server.received)) == (429, None, [], 1)


def test_waits_never_outlast_the_call(start, transport, get, time):
    server = start(answer(429, b"", "Retry-After: 6"))
    reply = transport(timeout=10).send(get(server.url))
    assert (reply.status, time.slept, len(server.received)) == (429, [6.0], 2)


def test_a_refusal_holds_back_the_other_calls_of_the_lane(start, transport, get, time):
    server = start(answer(429, b"", "Retry-After: 20"), answer())
    client = transport(timeout=10)
    assert client.send(get(server.url)).status == 429
    held = client.send(get(server.url))
    assert held.failure is Reason.THROTTLED
    assert "aspm-ado sent nothing" in held.problem
    assert len(server.received) == 1
    time.now += 15
    assert client.send(get(server.url, "POST")).status == 200
    assert time.slept == [5.0]


def test_a_refusal_of_one_organization_slows_its_neighbours_down_and_fails_none(
    start, transport, get, time
):
    """The host stands before both, and may mean both; the verdict of the second is its own all the same."""
    server = start(answer(429, b"", "Retry-After: 20"), answer())
    client = transport(timeout=10)
    assert client.send(get(server.url, lane="localhost/one")).status == 429
    neighbour = client.send(get(server.url, lane="localhost/two"))
    assert (neighbour.status, neighbour.failure, time.slept) == (200, None, [5.0])
    assert client.send(get(server.url, lane="localhost/one")).failure is Reason.THROTTLED


def test_another_host_is_not_slowed_down(start, transport, get, time):
    busy, idle = start(answer(429, b"", "Retry-After: 20")), start(answer())
    client = transport(timeout=10)
    client.send(get(busy.url))
    assert client.send(get(idle.url)).status == 200
    assert time.slept == []


def test_transports_of_one_run_wait_together(start, transport, get, time, bundle):
    """Connections with a CA of their own have a transport of their own, and go to the same host."""
    server, gate = start(answer(200, b"{}", "Retry-After: 4"), answer()), Gate(time.pace.clock)
    first, second = transport(gate=gate), transport(gate=gate, ca_bundle=bundle)
    assert first.send(get(server.url)).status == second.send(get(server.url)).status == 200
    assert time.slept == [4.0]


def test_a_call_is_sent_after_its_pause(start, transport, get, time):
    server = start(answer())
    assert transport().send(replace(get(server.url), pause=0.5)).status == 200
    assert time.slept == [0.5]


def test_all_workers_wait_for_what_one_was_told(start, transport, get):
    """In real time: eight threads, one answer that asks to slow down, and one line about it."""
    server, notes, naps = start(answer(200, b"{}", "Retry-After: 8"), answer()), [], []
    client = transport(
        note=notes.append, timeout=10, pace=Pace(sleep=naps.append, jitter=lambda: 0.0)
    )
    assert client.send(get(server.url)).status == 200
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(client.send, [get(server.url)] * 8))
    assert {reply.status for reply in replies} == {200}
    assert len(naps) == 8
    assert all(1 < nap <= 5 for nap in naps), "half of the call at most"
    assert len(notes) == 1


def test_a_wait_ends_with_the_transport(start, transport, get):
    """Ctrl-C closes it: nobody waits out what a service asked for."""
    told = threading.Event()
    server = start(answer(429, b"", "Retry-After: 25"), answer())
    client = transport(timeout=60, pace=Pace(jitter=lambda: 0.0), note=lambda _: told.set())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.send, get(server.url))
        assert told.wait(20)
        client.close()
        assert waiting.result(20).status == 429
    assert len(server.received) == 1


def test_a_hint_beside_an_answer_slows_down_and_fails_nothing(start, transport, get, time):
    server = start(
        answer(200, b"{}", "Retry-After: 4"), answer(200, b"{}", "Retry-After: 30"), answer()
    )
    notes = []
    client = transport(timeout=30, note=notes.append)
    replies = [client.send(get(server.url)) for _ in range(3)]
    assert [(reply.status, reply.failure) for reply in replies] == [(200, None)] * 3
    assert time.slept == [4.0, 15.0]
    host = f"localhost:{server.port}"
    assert notes == [
        f"{host} is throttling requests: waiting 4 s.",
        f"{host} is throttling requests: waiting 15 s.",
    ]


def test_one_note_for_one_wait(start, transport, get):
    notes = []
    server = start(answer(503, b"", "Retry-After: 3"), answer())
    transport(note=notes.append).send(get(server.url))
    assert notes == [f"localhost:{server.port} answered 503; trying again in 3 s."]
    gate = Gate(lambda: 0.0)
    assert [gate.is_news("host", 5), gate.is_news("host", 5), gate.is_news("other", 5)] == [
        True,
        False,
        True,
    ]


def test_a_gate_is_never_opened_early():
    now = [0.0]
    gate = Gate(lambda: now[0])
    gate.shut("lane", 20, firm=True)
    gate.shut("lane", 5, firm=True)
    gate.shut("host", 3600, firm=False)
    assert gate.held("lane", "host") == Hold(firm=20, hint=30)
    assert gate.held("neighbour", "host") == Hold(firm=0, hint=30)
    now[0] = 31
    assert gate.held("lane", "host") == gate.held("other") == Hold()

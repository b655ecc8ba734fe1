"""Networks, servers and boxes in between that fail: each failure has a name, and a write is never sent twice."""

import gzip
import socket
import time as real_time
import zlib

import pytest

from aspm_ado.adapters.http.pacing import Pace
from aspm_ado.adapters.http.wire import CAP
from aspm_ado.domain.http import Call
from aspm_ado.domain.reasons import Reason

from .servers import answer, reset

IN_REAL_TIME = Pace(sleep=lambda _: None, jitter=lambda: 0.0)


def drip(head, drop, server):
    """A step that sends ``head`` and then ``drop`` again and again."""

    def step(sock):
        sock.sendall(head)
        while not server[0].done.wait(0.03):
            sock.sendall(drop)

    return step


def hang(server):
    return lambda sock: server[0].done.wait(10)


def test_a_name_that_does_not_exist(transport, get):
    reply = transport().send(get("https://no-such-host.invalid/"))
    assert reply.failure is Reason.NAME_UNRESOLVED
    assert "no-such-host.invalid (no proxy in use)" in reply.problem
    assert reply.problem.endswith(")."), "one period"
    assert "VPN" in reply.remedy
    assert reply.evidence.status is None


def test_a_name_server_that_does_not_answer(transport, get, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [real_time.sleep(0.5)][:0])
    reply = transport(timeout=0.2).send(get("https://dev.azure.com/"))
    assert reply.failure is Reason.NAME_UNRESOLVED


def test_a_port_where_nobody_listens(transport, get, time):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reply = transport().send(get(f"http://127.0.0.1:{port}/"))
    assert reply.failure is Reason.UNREACHABLE
    assert reply.problem == f"No connection to 127.0.0.1:{port} (no proxy in use): it was refused."
    assert time.slept == [0.5, 1.0]


def test_the_next_address_is_tried(start, transport, get, monkeypatch):
    server = start(answer())
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", place)
        for place in (closed, ("127.0.0.1", server.port))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert transport().send(get("http://two.example/")).status == 200


def test_silence_before_the_answer_is_tried_once_more(start, transport, get):
    server = []
    server.append(start(hang(server)))
    reply = transport(timeout=0.4, pace=IN_REAL_TIME).send(get(server[0].url))
    assert reply.failure is Reason.TIMED_OUT
    assert "0.4 s" in reply.problem
    assert "--timeout" in reply.remedy
    assert len(server[0].received) <= 2


def test_a_silent_first_answer_is_forgiven(start, transport, get):
    server = []
    server.append(start(hang(server), answer()))
    assert transport(timeout=1.2).send(get(server[0].url)).status == 200


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b"x"),
    ],
)
def test_a_drip_ends_with_the_call(start, transport, get, head, drop):
    server = []
    server.append(start(drip(head, drop, server)))
    reply = transport(timeout=0.3, pace=IN_REAL_TIME).send(get(server[0].url, "POST", body="{}"))
    assert reply.failure is Reason.TIMED_OUT
    assert len(server[0].received) == 1


@pytest.mark.parametrize(
    "cut",
    [
        b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n{"value":',
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
)
def test_an_answer_cut_short(start, transport, get, cut):
    reply = transport().send(get(start(cut).url))
    assert (reply.failure, reply.status) == (Reason.ANSWER_UNREADABLE, 200)
    assert "cut short" in reply.problem
    assert transport().send(get(start(cut, answer()).url)).failure is None


def test_an_answer_cut_short_without_a_length_is_an_answer(start, transport, get):
    cut = answer(200, b'{"value":', "Connection: close", length=False)
    reply = transport().send(get(start(cut).url))
    assert (reply.failure, reply.text) == (None, '{"value":')


@pytest.mark.parametrize(
    "bytes_", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 200\r\n" + b"X: y\r\n" * 200 + b"\r\n"]
)
def test_an_answer_that_is_not_http(start, transport, get, bytes_):
    reply = transport().send(get(start(bytes_ + b"connection: close").url))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "is not HTTP" in reply.problem


@pytest.mark.parametrize("interim", [102, 103, 110])
def test_an_interim_answer_is_not_the_answer(start, transport, get, interim):
    hint = f"HTTP/1.1 {interim} X\r\nLink: </a.css>; rel=preload\r\n\r\n".encode()
    reply = transport().send(get(start(hint + hint + answer(200, b'{"a": 1}')).url))
    assert (reply.failure, reply.status, reply.text) == (None, 200, '{"a": 1}')


def test_interim_answers_without_end_are_no_answer(start, transport, get):
    hints = b"HTTP/1.1 103 X\r\n\r\n" * 500
    reply = transport().send(get(start(hints + answer(200)).url))
    assert reply.status in (0, 103)


def test_two_lengths_are_unreadable(start, transport, get):
    reply = transport().send(get(start(answer(200, b"{}", "Content-Length: 7")).url))
    assert reply.failure is Reason.ANSWER_UNREADABLE


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers_are_read(start, transport, get, encoding):
    body = gzip.compress(b'{"a": 1}') if encoding == "gzip" else zlib.compress(b'{"a": 1}')
    reply = transport().send(get(start(answer(200, body, f"Content-Encoding: {encoding}")).url))
    assert reply.text == '{"a": 1}'


def test_a_bomb_is_not_unpacked(start, transport, get):
    bomb = gzip.compress(b"\0" * (100 * 1024 * 1024), 1)
    reply = transport().send(get(start(answer(200, bomb, "Content-Encoding: gzip")).url))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "larger" in reply.problem
    assert reply.text == ""


def test_an_endless_answer_is_left(start, transport, get):
    def pour(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    reply = transport().send(get(start(pour).url))
    assert "larger" in reply.problem


def test_the_largest_answer_is_read_whole(start, transport, get):
    reply, text = transport().exchange(get(start(answer(200, b"x" * CAP)).url))
    assert (len(reply.text), len(text), reply.failure) == (4096, CAP, None)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x\x1b[31m"])
def test_an_encoding_not_asked_for_is_refused(start, transport, get, encoding):
    reply = transport().send(get(start(answer(200, b"{}", f"Content-Encoding: {encoding}")).url))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "\x1b" not in reply.problem


def test_damaged_compression_is_unreadable(start, transport, get):
    reply = transport().send(get(start(answer(200, b"no gzip", "Content-Encoding: gzip")).url))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "damaged" in reply.problem


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\xef\xbb\xbf{}", "{}"),
        (b"\xff\xfe", "��"),
        ("ü".encode() * 3000, "ü" * 2048),
        ("aü".encode() + "€".encode() * 2000, "aü" + "€" * 1364),
    ],
)
def test_text_is_utf_8_and_at_most_4_kib(start, transport, get, body, text):
    assert transport().send(get(start(answer(200, body)).url)).text == text


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_write_that_is_reset_is_not_sent_again(start, transport, get, method, kept):
    server = start(*([answer()] if kept else []), reset)
    client = transport()
    if kept:
        client.send(get(server.url))
    before = len(server.received)
    reply = client.send(get(server.url, method, body="{}"))
    assert reply.failure is Reason.UNREACHABLE
    assert "is unknown" in reply.problem
    assert len(server.received) - before == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_write_that_is_refused_is_not_sent_again(start, transport, get, status, time):
    server = start(answer(status, b"", "Retry-After: 1"))
    reply = transport().send(get(server.url, "POST", body="{}"))
    assert (reply.status, reply.failure, len(server.received), time.slept) == (status, None, 1, [])


def test_a_read_that_is_reset_is_sent_again(start, transport, get):
    server = start(reset, reset, answer())
    assert transport().send(get(server.url)).status == 200
    assert len(server.received) == 3


def test_hostile_text_does_not_reach_a_terminal(start, transport):
    reply = transport().send(Call("GET", start(b"HTTP/1.1 \x1b[31m\r\n\r\nconnection: close").url))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "\x1b" not in reply.problem + reply.remedy


@pytest.mark.parametrize("length", [True, False], ids=["counted", "until the end"])
def test_of_an_answer_whose_head_is_enough_no_more_is_read(transport, start, get, length):
    """The refs of a large repository are several MB; the call after it is answered all the same."""
    first = b"001e# service=git-upload-pack\n0000"
    server = start(answer(200, first + b"r" * (6 * 1024 * 1024), length=length))
    call = get(server.url, head_only=True)
    for _ in range(2):
        reply = transport().send(call)
        assert (reply.status, reply.failure, len(reply.text)) == (200, None, 4096)
        assert reply.text.startswith(first.decode())


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (CHUNKED + b"-1\r\n", b"x" * 65536),
        (CHUNKED + b"ffffffffff\r\n", b"x" * 65536),
        (CHUNKED, b"1\r\nx\r\n" * 9000),
        (CHUNKED, b"1;" + b"e" * 60_000 + b"\r\nx\r\n"),
        (CHUNKED + b"0\r\n", b"Trailer: x\r\n" * 9000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"", mtime=0)[:10],
            b"\x00\x00\x00\xff\xff" * 9000,
        ),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
        (b"", b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"),
    ],
)
def test_what_comes_is_counted_before_anybody_reckons_with_it(
    start, transport, get, head, again, monkeypatch
):
    """A chunk of -1 byte was read to the end of the connection, and a header of 100 Continue has none."""
    poured = []

    def pour(sock):
        sock.sendall(head)
        while True:
            sock.sendall(again)
            poured.append(len(again))

    reply = transport().send(get(start(pour).url, "POST", body="{}"))
    assert reply.failure is Reason.ANSWER_UNREADABLE
    assert "is larger than anything" in reply.problem
    assert sum(poured) < 4 * CAP  # what the sockets hold is poured, too


@pytest.mark.parametrize(
    "size", [b"-1", b"-2", b"-ffffffff", b"-" + b"f" * 40, b"-0x1", b"1_0", b"zz", b"", b"+"]
)
def test_a_length_that_is_none_makes_the_answer_unreadable(start, transport, get, size):
    reply = transport().send(
        get(start(CHUNKED + size + b"\r\nx\r\n0\r\n\r\nconnection: close").url)
    )
    assert reply.failure is Reason.ANSWER_UNREADABLE


def test_headers_are_cut_where_they_are_read(start, transport, get):
    reply = transport().send(get(start(answer(200, b"{}", "ActivityId: " + "x" * 60_000)).url))
    assert len(reply.header("ActivityId")) == 4096


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("Sun, 29 Nov 2026 04:00:00 GMT", 2026),
        ("Thu, 31 Dec 2026 23:30:00 -0100", 2027),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Wed, 01 Jan 1000 00:00:00 +1400", None),
        ("x" * 5000, None),
    ],
)
def test_a_date_is_one_that_a_calendar_can_go_on_from(start, transport, get, date, year):
    received = transport().send(get(start(answer(200, b"{}", f"Date: {date}")).url)).received
    assert (received and received.year) == year

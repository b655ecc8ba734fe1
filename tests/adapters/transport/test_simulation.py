"""A simulator shows that it is one before any secret is sent to it."""

from __future__ import annotations

import pytest

from aspm_ado.adapters.http.transport import Transport, TransportSettings
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.reasons import UsageError
from aspm_ado.domain.secret import Secret
from aspm_ado.simulator import SCENARIOS, Simulator, samples

URL = "https://dev.azure.com/contoso/_apis/connectionData"
TOKEN = Secret(samples.pat("Ada", "Ada1"))


def signed(token: Secret, **how: bool) -> Call:
    return Call("GET", URL, credential=Credential(token, frozenset({Origin.of(URL)}), **how))


SIGNED = signed(TOKEN)


def transport(address: str, key: str) -> Transport:
    return Transport(TransportSettings({}, timeout=5, simulator=address, simulator_key=key))


def test_a_simulator_that_knows_the_key_is_asked_once() -> None:
    with Simulator(SCENARIOS["global"]) as simulator:
        assert simulator.variable == f"{simulator.address}/#{simulator.key}"
        made = transport(simulator.address, simulator.key)
        assert not any(made.send(SIGNED).failure for _ in range(2))
        made.close()
        assert len(simulator.requests) == 2, "the question itself is not one of them"


@pytest.mark.parametrize("value", ["r" * 84, "7" * 52, "x" + samples.pat("Ada", "Ada1")])
def test_a_token_that_may_be_real_is_not_sent_to_a_simulator(value: str) -> None:
    with Simulator(SCENARIOS["global"]) as simulator:
        made = transport(simulator.address, simulator.key)
        with pytest.raises(UsageError) as refused:
            made.send(signed(Secret(value)))
        assert value not in refused.value.problem + refused.value.remedy
        assert simulator.requests == []
        for sent in (
            Secret(samples.pat("Ada", "Ada1").lower()),
            Secret(samples.legacy_pat("ada", "ada1")),
            Secret(samples.ASPM_TOKEN),
            Secret(value, made_up=True),
        ):
            assert not made.send(signed(sent)).failure
        assert not made.send(signed(Secret("a sign-in of the simulated az"), bearer=True)).failure
        made.close()


@pytest.mark.parametrize("key", ["another", "ü", "x" * 3000])
def test_who_does_not_know_the_key_is_sent_no_secret(key: str) -> None:
    with Simulator(SCENARIOS["global"]) as simulator:
        made = transport(simulator.address, key)
        for _ in range(2):
            with pytest.raises(UsageError) as refused:
                made.send(SIGNED)
        made.close()
        assert key not in refused.value.problem + refused.value.remedy
        assert simulator.requests == []


@pytest.mark.parametrize(
    "answered",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nkeys",
    ],
    ids=["nothing", "another service"],
)
def test_another_service_on_that_port_is_sent_neither_the_key_nor_a_secret(
    answered: bytes, start
) -> None:
    there = start(answered)
    made = transport(f"http://127.0.0.1:{there.port}", "the-key")
    with pytest.raises(UsageError):
        made.send(SIGNED)
    made.close()
    [asked] = there.received
    assert b"the-key" not in repr(asked).encode()
    assert not asked.all("authorization")


def test_where_nobody_answers_it_is_the_network_and_nothing_was_sent() -> None:
    made = transport("http://127.0.0.1:1", "key")
    reply = made.send(SIGNED)
    made.close()
    assert (reply.failure, reply.call) == ("unreachable", SIGNED)

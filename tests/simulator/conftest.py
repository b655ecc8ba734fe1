"""A plain client for the simulator: http.client and nothing else, so that no library's habits hide an answer."""

import base64
import http.client
import json
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest

from aspm_ado.simulator import SCENARIOS, Simulator

from .internet import internet, the_internet

__all__ = ["internet", "the_internet"]

ASPM = "https://aspm.example.test"
UNKNOWN_TOKEN = "SimulatedNotAToken".ljust(76, "9") + "AZDOxxxx"


@dataclass(frozen=True)
class Received:
    status: int
    headers: list
    body: bytes

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} is repeated: {values}"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Asks the simulator for URLs of the real hosts, as the program under construction will."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.world = simulator.world
        self.token = self.world.tokens[0].value if self.world.tokens else UNKNOWN_TOKEN

    def __call__(self, method, url, *, token="", user="", suppress=True, headers=(), body=None):
        """Send one request; `token` is the scenario's first one unless given, None sends no credentials."""
        sent = {"Host": urlsplit(url).netloc, "Accept": "application/json"} | dict(headers)
        if suppress:
            sent["X-TFS-FedAuthRedirect"] = "Suppress"
        value = self.token if token == "" else token
        if value is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(f"{user}:{value}".encode()).decode()
        return self.raw(method, url.split(urlsplit(url).netloc, 1)[1] or "/", sent, body)

    def aspm(self, path, method="GET", *, secret=None, header="X-Cookie", body=None):
        """Ask Invicti ASPM, with its own token unless another one is given."""
        sent = {header: secret or self.world.aspm.token}
        return self(method, ASPM + path, token=None, headers=sent, body=body)

    def raw(self, method, target, headers, body=None):
        connection = http.client.HTTPConnection(urlsplit(self.simulator.address).netloc, timeout=10)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            if data is not None:
                headers = headers | {"Content-Length": str(len(data))}
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            response = connection.getresponse()
            return Received(response.status, response.getheaders(), response.read())
        finally:
            connection.close()


@pytest.fixture
def simulate():
    """Start simulators by scenario name; keyword arguments go to the constructor or replace parts of the world."""
    running = []

    def start(name="global", *, scopes=None, organization=None, today=None, **options):
        scenario = SCENARIOS[name]
        world = replace(scenario.world, today=today or scenario.today)
        if scopes is not None:
            world = replace(
                world, tokens=tuple(replace(one, scopes=frozenset(scopes)) for one in world.tokens)
            )
        if organization is not None:
            world = replace(world, organizations=(replace(world.organizations[0], **organization),))
        simulator = Simulator(scenario, **{"world": world} | options).start()
        running.append(simulator)
        return Client(simulator)

    yield start
    for simulator in running:
        simulator.stop()

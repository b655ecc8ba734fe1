"""One machine over the life of a connection, whose state can be put back to what it was.

Answers are remembered by the world that gave them, for all machines, so that a loop over every effect is fast; what is
written to the simulated ASPM arrives there each time.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aspm_ado.adapters.http.services import AzureDevOps
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.domain.secret import Secret
from aspm_ado.domain.stored import Catalogue
from aspm_ado.flows.storage.transaction import prepare_storage
from aspm_ado.simulator import samples

from ..aspm.stand import ASPM, PAT, STORY, TOKEN, Person, Stand, asked, by_profile, check
from ..kept import Kept, asked_once
from .faults import Switch, SwitchedDisk, Vault

__all__ = [
    "ASPM",
    "PAT",
    "STORY",
    "TOKEN",
    "Machine",
    "Person",
    "asked",
    "by_profile",
    "check",
    "codes",
]

NEW = samples.pat("Renewed", "New1")
THIN = samples.pat("Thinner", "Thn1")
GRACES = samples.pat("SomebodyElse", "Grc1")
OWN = {name: samples.pat(f"Own{name}", f"{name[:3]}1") for name in ("contoso", "fabrikam")}
SECRETS = (PAT, TOKEN, NEW, THIN, GRACES, *OWN.values())
OLD_TOKEN = STORY.world.tokens[0]
TOKENS = (
    OLD_TOKEN,
    samples.token(NEW),
    samples.token(THIN, scopes=samples.ALM_SCOPES - {"vso.code_full"} | {"vso.code"}),
    replace(samples.token(GRACES), owner=samples.GRACE),
    *(samples.token(value, reach=name) for name, value in OWN.items()),
)
FILES = {"pat": PAT, "new": NEW, "thin": THIN, "graces": GRACES, "aspm": TOKEN, **OWN}


class OneByOne:
    """A crew of one, without threads: hundreds of runs leave none behind."""

    def __init__(self, send) -> None:
        self._send = send

    def run_all(self, errands, then=None):
        made = [self.run(errand) for errand in errands]
        for one in made if then else ():
            self.run_all(then(one), then)
        return made

    def run(self, errand):
        replies = None
        while True:
            try:
                calls = errand.send(replies)
            except StopIteration as end:
                return end.value
            replies = [self._send(call) for call in calls]


class Machine:
    """A stand whose runs each have a switch, and whose state can be put back to what it was."""

    def __init__(self, folder: Path, **world: object) -> None:
        folder.mkdir(parents=True)
        self.stand = Stand(folder, **{"tokens": TOKENS, "aspm": {"registers": "yes"}, **world})
        self.folder = folder / "records"
        self.secrets: dict[str, Secret] = {}
        self.origins: dict[str, str] = {}
        self.vault = Vault(self.secrets, Switch(), self.origins)
        self._kept: Kept | None = None

    def close(self) -> None:
        self.stand.close()

    def context(
        self, given=None, person=None, *, switch=None, disk=None, vault=None, files=None, **more
    ):
        """Everything for one run."""
        switch = switch or Switch()
        self.vault = Vault(self.secrets, switch, self.origins)
        plain = self.stand.context(given, person, files={**FILES, **(files or {})}, **more)
        records = DiskRecords(self.folder, disk=disk or SwitchedDisk(switch), wait=0.5)
        self.stand.wire.send = self._send(switch)
        return replace(
            plain, records=records, vault=vault or self.vault, scheduler=OneByOne(self.stand.wire)
        )

    def _send(self, switch: Switch):
        really = AzureDevOps(self.stand.transport).send

        heard = asked_once(self.stand.simulator, really)

        def send(call):
            if call.url.startswith(ASPM) and call.method != "GET":
                return switch.effect("aspm", lambda: really(call))
            return heard(call)

        return send

    def world(self, **changes: object) -> None:
        """The world changes."""
        self.stand.simulator.become(replace(self.stand.simulator.world, **changes))

    def token(self, value: str = PAT, **changes: object) -> None:
        """One token changes."""
        tokens = self.stand.simulator.world.tokens
        self.world(
            tokens=tuple(replace(one, **changes) if one.value == value else one for one in tokens)
        )

    def keep(self) -> None:
        """Remember this state, to come back to it."""
        self._kept = Kept(self.folder, self.secrets, self.stand.simulator)
        self._bound = dict(self.origins)

    def back(self) -> None:
        """Come back to the state that was kept."""
        assert self._kept is not None
        self._kept.back()
        self.origins.clear()
        self.origins.update(self._bound)

    @property
    def catalogue(self) -> Catalogue:
        return DiskRecords(self.folder).load()

    @property
    def entry(self):
        return self.catalogue.connections["contoso"]

    def in_force(self, name: str = "contoso") -> str:
        """The token that is in force for an organization."""
        [one] = [one for one in self.entry.organizations if one.name.casefold() == name]
        return self.secrets[self.entry.credentials[one.credential].service].reveal()

    def waiting(self) -> list[str]:
        """The tokens that wait for Invicti ASPM."""
        return [
            self.secrets[one.credential.service].reveal() for one in self.entry.successors.values()
        ]

    def settle(self) -> None:
        """What every run that stores begins with."""
        prepare_storage(self.context())

    def assert_whole(self) -> None:
        """Nothing in force names a missing secret; nothing is registered twice; no secret is outside the vault."""
        assert self.catalogue.services <= set(self.secrets)
        urls = [one.url.casefold() for one in self.stand.instances]
        assert len(urls) == len(set(urls))
        for file in self.folder.glob("**/*"):
            content = file.read_bytes() if file.is_file() else b""
            assert not [secret for secret in SECRETS if secret.encode() in content], file

    def assert_tidy(self) -> None:
        """Whole, and nothing is left over."""
        self.assert_whole()
        found = self.catalogue
        assert set(self.secrets) == set(found.services)
        assert (found.pending, found.erasing) == ({}, ())


def codes(report) -> set[str]:
    """The reasons of what stands in the way."""
    return {
        one.reason.value
        for one in report.all_checks()
        if one.required and one.status.value in ("fail", "unknown")
    }

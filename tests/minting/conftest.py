"""A stand whose organizations have a tenant, and somebody who is signed in with `az`."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace

import pytest

from aspm_ado.adapters.programs import AzureCli
from aspm_ado.simulator import samples
from aspm_ado.simulator.world import CreationRules, SignIn

from ..aspm.stand import Stand
from .az import FakeAz, drawn_sign_in


class Desk:
    """One machine with `az` on it, and the world that it talks to."""

    def __init__(
        self,
        folder,
        *,
        contoso=None,
        tenant=samples.TENANT,
        person=samples.ADA,
        is_person=True,
        **creation,
    ):
        self.sign_in = drawn_sign_in()
        self.az = FakeAz(folder / "az-bin", self.sign_in)
        here = contoso or samples.CONTOSO
        here = replace(here, creation=CreationRules(**creation))
        self.stand = Stand(
            folder,
            organizations=(here, samples.FABRIKAM),
            sign_ins=(SignIn(self.sign_in, person, tenant, is_person),),
        )

    def context(self, given=None, person=None, *, seconds=20.0, **more):
        said = {
            "organization": ("contoso",),
            "reach": "organization",
            "purpose": "alm",
            "register": "none",
            **(given or {}),
        }
        plain = self.stand.context(
            {name: value for name, value in said.items() if value}, person, **more
        )
        environment = {
            "PATH": f"{self.az.folder}{os.pathsep}{os.environ['PATH']}",
            "ASPM_ADO_PAT": "never-for-az",
        }
        return replace(plain, entra=AzureCli(environment, seconds=lambda: seconds))

    @property
    def made(self):
        """The tokens that were made through the API."""
        return [one for one in self.stand.simulator.world.tokens if one.authorization]

    @property
    def entry(self):
        return self.stand.records.load().connections["contoso"]

    def asked(self, method):
        return [
            one
            for one in self.stand.simulator.requests
            if "/_apis/tokens/pats" in one.path and one.method == method
        ]

    @property
    def said(self):
        return self.stand.voice.text

    def rule(self, **creation):
        """The organization changes its mind."""
        world = self.stand.simulator.world
        first, *rest = world.organizations
        changed = replace(first, creation=replace(first.creation, **creation))
        self.stand.simulator.become(replace(world, organizations=(changed, *rest)))


@pytest.fixture
def desk(tmp_path):
    if sys.platform == "win32":
        pytest.skip("the stand-in for az is a POSIX script")
    with contextlib.ExitStack() as opened:

        def set_up(**more):
            made = Desk(tmp_path, **more)
            opened.callback(made.stand.close)
            return made

        yield set_up

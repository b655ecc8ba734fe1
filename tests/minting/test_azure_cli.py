"""The adapter of `az`, with a real program in its place."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from aspm_ado.adapters.programs import AzureCli
from aspm_ado.domain.azure.pats import AZ_FAILURES, PERSONAL, tenant_in
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import NotCreatedError, Reason
from aspm_ado.simulator.pat_lifecycle import install_azure_cli

from .az import FakeAz, drawn_sign_in

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in for az is a POSIX script"
)
TENANT = "5c1b2a30-1111-4222-8333-444455556666"
OTHER = "6c1b2a30-1111-4222-8333-444455556666"


@pytest.fixture
def az(tmp_path):
    return FakeAz(tmp_path / "bin", drawn_sign_in())


def cli(az, seconds=20.0, **more):
    path = f"{az.folder}{os.pathsep}{os.environ['PATH']}"
    return AzureCli({"PATH": path, **more}, seconds=lambda: seconds)


def failure(made) -> NotCreatedError:
    with pytest.raises(NotCreatedError) as caught:
        made.token(TENANT)
    return caught.value


def test_once_for_each_tenant_and_no_secret_goes_in(az):
    made = cli(
        az,
        AZURE_DEVOPS_EXT_PAT="x",
        SYSTEM_ACCESSTOKEN="x",
        OUR_ASPM_TOKEN="x",
        AZURE_CONFIG_DIR="kept",
    )
    assert made.is_there
    assert az.calls == []
    assert made.token(TENANT).reveal() == az.value
    assert made.token(TENANT).reveal() == az.value
    made.token(OTHER)
    assert [call["argv"][3] for call in az.calls] == [TENANT, OTHER]
    names = set(az.calls[0]["env"])
    assert "AZURE_CONFIG_DIR" in names
    assert not names & {"AZURE_DEVOPS_EXT_PAT", "SYSTEM_ACCESSTOKEN", "OUR_ASPM_TOKEN"}


@pytest.mark.parametrize(
    "more", [{"expires_on": 100}, {"expires_on": None}, {"expires_on": None, "expires_in": 60}]
)
def test_one_that_ends_soon_is_not_used_again(az, more):
    az.gives(az.value, **more)
    made = cli(az)
    made.token(TENANT)
    made.token(TENANT)
    assert len(az.calls) == 2


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("ERROR: Please run 'az login' to setup account.", Reason.AZ_NOT_SIGNED_IN),
        (
            "ERROR: AADSTS70043: The refresh token has expired. Please run:\naz login",
            Reason.AZ_NOT_SIGNED_IN,
        ),
        (
            "AADSTS53003: Access has been blocked by Conditional Access policies. az login",
            Reason.ACCESS_FENCED,
        ),
        (
            "AADSTS50020: User account from identity provider does not exist in tenant. az login",
            Reason.OTHER_TENANT,
        ),
        ("AADSTS65001: The user or administrator has not consented", Reason.CREATION_NOT_ALLOWED),
        ("AADSTS90002: Tenant not found", Reason.TENANT_UNKNOWN),
        ("HTTPSConnectionPool: Max retries exceeded", Reason.UNREACHABLE),
        ("SSLError [SSL: CERTIFICATE_VERIFY_FAILED] Max retries exceeded", Reason.TLS_UNTRUSTED),
        ("AADSTS999999: something new", Reason.AZ_FAILED),
        ("Traceback (most recent call last)", Reason.AZ_FAILED),
    ],
)
def test_what_it_says_becomes_a_reason_and_is_not_repeated(az, said, reason):
    az.fails(f"{said} {az.value}\x1b[31m")
    error = failure(cli(az))
    assert error.reason is reason
    told = error.problem + error.remedy
    assert az.value[:20] not in told
    assert "\x1b" not in told
    assert "{" not in told
    assert error.remedy
    with pytest.raises(NotCreatedError) as caught:
        cli(az).token("")  # of the account itself
    told = caught.value.problem + caught.value.remedy
    assert caught.value.reason is reason
    assert not re.search(r"\{|--tenant|tenant  |of the organization", told)


def test_every_sign_has_both_halves():
    assert all(sign.problem and sign.remedy and (sign.codes or sign.words) for sign in AZ_FAILURES)
    assert "Sign in: az login --tenant" in AZ_FAILURES[-1].remedy


def test_a_failure_is_remembered_for_its_tenant_until_a_person_tries_again(az):
    """One that hangs would otherwise hang for each organization of a run."""
    made = cli(az)
    az.fails("ERROR: Please run 'az login' to setup account.")
    assert failure(made).reason is failure(made).reason is Reason.AZ_NOT_SIGNED_IN
    assert len(az.calls) == 1
    az.gives(az.value)
    assert made.token(OTHER).reveal() == az.value
    failure(made)
    assert len(az.calls) == 2
    made.forget_failures()
    assert made.token(TENANT).reveal() == az.value


def test_not_there(tmp_path):
    made = AzureCli({"PATH": str(tmp_path)})
    assert not made.is_there
    assert failure(made).reason is Reason.AZ_ABSENT


def test_none_of_the_current_folder(az, monkeypatch):
    monkeypatch.chdir(az.folder)
    assert not AzureCli({"PATH": "."}).is_there
    assert not AzureCli({"PATH": ""}).is_there


def test_one_that_hangs_is_ended_with_its_child(az):
    az.answers(hang=True)
    error = failure(cli(az, seconds=3.0))
    assert error.reason is Reason.TIMED_OUT
    assert "--timeout" in error.remedy
    hanging = az.folder / "hanging"
    if hanging.exists() and (
        child := hanging.read_text()
    ):  # on a slow machine it may not have come that far
        assert gone(child)


def gone(child: str, patience: float = 20.0) -> bool:
    """Whether a process ends: killed is not yet dead on a machine that is busy."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{child}/stat").read_text().split()[2] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "out", ["", "{}", "[]", "null", "nonsense", '{"accessToken": ""}', '{"accessToken": "a b"}']
)
def test_what_is_no_answer(az, out):
    az.answers(stdout=out)
    assert failure(cli(az)).reason is Reason.AZ_FAILED


def test_a_tenant_is_a_guid(az):
    with pytest.raises(ValueError, match="GUID"):
        cli(az).token("contoso.example & calc")
    assert az.calls == []


@pytest.mark.parametrize(
    ("headers", "tenant"),
    [
        ((("X-VSS-ResourceTenant", TENANT.upper()),), TENANT),
        ((("X-VSS-ResourceTenant", PERSONAL),), PERSONAL),
        (
            (
                (
                    "WWW-Authenticate",
                    f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}",
                ),
            ),
            TENANT,
        ),
        (
            (
                ("WWW-Authenticate", 'Basic realm="https://x/"'),
                ("WWW-Authenticate", "TFS-Federated"),
            ),
            "",
        ),
        ((("X-VSS-ResourceTenant", "& calc"),), ""),
        ((), ""),
    ],
)
def test_the_tenant_that_anybody_is_told(headers, tenant):
    assert tenant_in(Reply(Call("GET", "https://dev.azure.com/contoso"), 404, headers)) == tenant


def test_in_a_simulation_only_its_stand_in_is_run(tmp_path):
    real, stand_in = tmp_path / "real", tmp_path / "stand-in"
    for folder in (real, stand_in):
        folder.mkdir()
    install_azure_cli(stand_in, "simulated-sign-in")
    for name in ("az", "az.cmd", "az.py"):
        if (stand_in / name).exists():
            (real / name).write_bytes((stand_in / name).read_bytes())
            (real / name).chmod(0o700)
    for folder, is_run in ((real, False), (stand_in, True)):
        made = AzureCli({"PATH": str(folder)}, is_simulated=True)
        assert made.is_there is is_run
        assert AzureCli({"PATH": str(folder)}).is_there

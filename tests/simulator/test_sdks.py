"""Microsoft's own clients find their way, by the ids that they know: nobody wrote them for the simulator.

`.ci/run` installs them below build/sdk; where they are not, these tests are skipped.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SDK = Path(__file__).parents[2] / "build" / "sdk"
LISTS = Path(__file__).parent / "sdk"
PYTHON = SDK / "python" / "bin" / "python"
NODE = SDK / "node" / "node_modules"

ITEM = "Simulated work item"
PLACES = [
    ("global", "http://dev.azure.com/contoso", "1,40", "http://Contoso@dev.azure.com/Contoso"),
    ("global", "http://contoso.visualstudio.com", "1,40", "http://Contoso@dev.azure.com/Contoso"),
    (
        "server",
        "http://tfs.example.test/tfs/DefaultCollection",
        "7",
        "http://tfs.example.test/tfs/DefaultCollection",
    ),
]


@pytest.fixture(params=["python", "node"])
def sdk(request, simulate, tmp_path):
    """Run one of them at an address, by the way that `demo --serve` prints."""
    if request.param == "python" and not PYTHON.exists():
        pytest.skip("azure-devops is not installed below build/sdk/python: .ci/run does it")
    if request.param == "node" and not (NODE.exists() and shutil.which("node")):
        pytest.skip("azure-devops-node-api is not installed below build/sdk/node: .ci/run does it")

    def run(scenario, address, *words, token=None):
        ask = simulate(scenario)
        proxy = ask.simulator.address
        command = [str(PYTHON), "-W", "ignore", str(LISTS / "list.py"), address, *words]
        if request.param == "node":
            command = ["node", "--no-deprecation", str(LISTS / "list.cjs"), address, *words, proxy]
        # A home of its own: the Python one keeps what it found on disk.
        kept = {"HOME": str(tmp_path), "NODE_PATH": str(NODE), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            command,
            input=token or ask.token,
            env={**kept, "http_proxy": proxy, "no_proxy": ""},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return ask, done

    return run


@pytest.mark.parametrize(("scenario", "address", "ids", "clone"), PLACES)
def test_microsofts_own_clients_list_what_is_there(sdk, scenario, address, ids, clone):
    ask, done = sdk(scenario, address, ids, "ada@contoso.example")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["projects"] == ["Payments", "Web Shop"]
    assert found["repositories"] == ["attic", "fresh", "checkout api", "storefront"]
    assert found["work items"] == [[int(one), ITEM] for one in ids.split(",")]
    assert found["identities"] == ["LOCAL\\ada" if "server" in scenario else "Ada Example"]
    assert found["clone"] == f"{clone}/Payments/_git/attic"
    assert ask.simulator.changes == []


def test_microsofts_own_clients_understand_a_refusal(sdk):
    _, done = sdk("global", PLACES[0][1], "1", "x", token="of-nobody")
    assert done.returncode == 1
    assert "TF400813" in done.stderr or "401" in done.stderr

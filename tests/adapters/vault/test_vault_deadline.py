"""A process whose keyring hangs still ends, and at once."""

from __future__ import annotations

import subprocess
import sys
import time

HANGS = """
import sys, time
from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.domain.reasons import StoreError

def opener(environment, platform):
    time.sleep(60)

vault = KeyringVault({}, say=None, opener=opener, seconds=0.2)
try:
    vault.probe()
except StoreError as error:
    print(error.reason)
    sys.exit(int(error.exit_code))
"""


def test_a_hung_backend_does_not_keep_the_process() -> None:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "keyring-silent\n", "")
    assert time.monotonic() - start < 5


def test_importing_the_vault_imports_no_keyring() -> None:
    code = (
        "import sys, aspm_ado.adapters.keyring.vault; "
        "print([m for m in sys.modules if m.split('.')[0] == 'keyring'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"

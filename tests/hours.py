"""When the suite runs: by day it has minutes, at night (``ASPM_ADO_TESTS=nightly``) it tries all of everything."""

from __future__ import annotations

import os
from typing import Final

NIGHT: Final = os.environ.get("ASPM_ADO_TESTS") == "nightly"

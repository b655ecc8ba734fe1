"""What completes a name: our own records, read without a lock and without a word when they cannot be."""

from __future__ import annotations

import os


def stored_names(incomplete: str) -> list[str]:
    """The stored connections that begin so."""
    from pathlib import Path

    from aspm_ado.adapters.records.catalog import DiskRecords, default_folder
    from aspm_ado.domain.errors import UserError

    try:
        named = os.environ.get("ASPM_ADO_CONFIG_DIR", "").strip()
        folder = Path(named).expanduser() if named else default_folder(os.environ)
        return [name for name in sorted(DiskRecords(folder).load().connections) if name.startswith(incomplete)]
    except UserError:
        return []

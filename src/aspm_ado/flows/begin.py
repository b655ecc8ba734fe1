"""Beginning again where our records are damaged: they are set aside with a yes, never overwritten and never removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.domain.errors import DamagedRecordsError
from aspm_ado.domain.questions import DRY_RUN, YES, Question
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.catalogue import Catalogue
    from aspm_ado.flows.house import House

BEGIN = Question("begin-again", "Set it aside, and begin with empty records?")


def whole_records(house: House) -> Catalogue:
    """What is stored. Damaged records are set aside first, where a person or ``-y`` says so.

    Raises ``DamagedRecordsError`` where nobody does, and in a run that is to store nothing.
    """
    try:
        return house.records.load()
    except DamagedRecordsError as error:
        if not _agreed(house, error):
            raise
    aside = house.records.set_aside()
    if aside is not None:
        house.voice.warn(
            f"The damaged records are set aside as {clean(aside)}. The tokens that they name stay in the keyring, and "
            "only that file knows their names: they cannot be erased from here. Mended and put back, it finds them "
            "again; or remove the entries that begin with “aspm-ado:” by hand. What was entered in Invicti ASPM is "
            "there still."
        )
    return house.records.load()


def _agreed(house: House, error: DamagedRecordsError) -> bool:
    if house.asker.switch(DRY_RUN) or not house.asker.keeps:
        return False
    if house.asker.switch(YES):
        return True
    if not house.asker.asks:
        return False
    house.voice.warn(error.problem)
    return house.asker.prompter.confirm(BEGIN, default=False)

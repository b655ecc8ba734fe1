"""Machines that are taken down again."""

import pytest

from aspm_ado.flows.connect import connect

from .machine import Machine, Person, asked


@pytest.fixture
def machine(tmp_path):
    made = []

    def set_up(**world):
        made.append(Machine(tmp_path / f"machine-{len(made)}", **world))
        return made[-1]

    yield set_up
    for one in made:
        one.close()


@pytest.fixture
def handed_off(machine) -> Machine:
    """One organization, connected, whose token a person still has to enter; it reaches a second one."""
    made = machine()
    connect(made.context(asked(register="guided")), None)
    return made


@pytest.fixture
def saved(machine) -> Machine:
    """One organization, and Invicti ASPM has its token."""
    made = machine()
    connect(made.context(asked(register="guided"), Person(handoff="saved", go=True)), None)
    return made

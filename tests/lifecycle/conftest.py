"""Machines that are taken down again."""

import pytest

from .machine import Machine


@pytest.fixture
def machine(tmp_path):
    made = []

    def set_up(**world):
        made.append(Machine(tmp_path / f"machine-{len(made)}", **world))
        return made[-1]

    yield set_up
    for one in made:
        one.close()

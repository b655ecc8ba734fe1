"""A simulated Azure DevOps and Invicti ASPM: a stranger to the rest, so that agreement is evidence.

It shares no code with the client. ``aspm-ado demo`` and the tests use it.
"""

from aspm_ado.simulator.scenarios import SCENARIOS, Answers, Scenario
from aspm_ado.simulator.simulator import Record, Simulator

__all__ = ["SCENARIOS", "Answers", "Record", "Scenario", "Simulator"]

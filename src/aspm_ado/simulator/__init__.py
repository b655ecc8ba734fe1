"""A simulated Azure DevOps and Invicti ASPM, for ``aspm-ado demo`` and the tests.

It shares no code with the client, so that agreement is evidence.
"""

from aspm_ado.simulator.scenarios import SCENARIOS, Answers, Scenario
from aspm_ado.simulator.simulator import Record, Simulator

__all__ = ["SCENARIOS", "Answers", "Record", "Scenario", "Simulator"]

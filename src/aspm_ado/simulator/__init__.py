"""A stranger to the rest of the program: a simulated Azure DevOps and Invicti ASPM, so that agreement is evidence."""

from aspm_ado.simulator.scenarios import SCENARIOS, Answers, Scenario
from aspm_ado.simulator.simulator import Record, Simulator

__all__ = ["SCENARIOS", "Answers", "Record", "Scenario", "Simulator"]

"""A simulated Azure DevOps and Invicti ASPM: a stranger to the rest, so that agreement is evidence.

It shares no code with the client. ``aspm-ado demo`` and the tests use it; with a ``Monitor`` it is
strict, and writes down what a careful client never sends.
"""

from aspm_ado.simulator.monitor import Inputs, Monitor
from aspm_ado.simulator.scenarios import SCENARIOS, Answers, Scenario
from aspm_ado.simulator.simulator import Record, Simulator

__all__ = ["SCENARIOS", "Answers", "Inputs", "Monitor", "Record", "Scenario", "Simulator"]

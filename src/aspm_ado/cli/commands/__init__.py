"""The bodies of the commands: each turns what was given into a flow, and what came of it into output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from aspm_ado.adapters.signals import interruptible
from aspm_ado.cli.context import Wiring
from aspm_ado.cli.errors import bug, interrupted, tell_error, wants_json
from aspm_ado.cli.output import begin
from aspm_ado.domain.errors import Problem, UserError
from aspm_ado.domain.questions import JSON, Question


def run(
    name: str,
    questions: Sequence[Question],
    flags: Mapping[str, object],
    own: dict[str, Any],
    wire: Callable[..., Wiring] = Wiring,
) -> int:
    """Run a command to its exit code; nothing leaves here as an exception. ``wire`` puts together what it is given."""
    wiring: Wiring | None = None
    begin()
    try:
        with interruptible():
            wiring = wire(name, questions, flags)
            body: Callable[..., int] = import_module(f"aspm_ado.cli.commands.{name}").run
            return body(wiring, **own)
    except UserError as error:
        problem = Problem.of(error)
    except KeyboardInterrupt:
        problem = interrupted()
    except Exception as error:  # noqa: BLE001  (the last resort: a type and an id, never a value)
        problem = bug(error)
    finally:
        if wiring is not None:
            wiring.close()
    as_json = wiring.as_json if wiring is not None else bool(flags.get(JSON.name)) or wants_json(())
    try:
        return tell_error(name, problem, as_json=as_json, wiring=wiring)
    except Exception as error:  # noqa: BLE001  (even telling it went wrong; once more, and then it is the door's)
        return tell_error(name, bug(error), as_json=as_json, wiring=wiring)

"""Schemas of the documents: the published one of the report, and those of the commands that have their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

REPORT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text()
)


def strict(**properties: Any) -> dict[str, Any]:
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def listed(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item}


TEXT = {"type": "string"}
FILLED = {"type": "string", "minLength": 1}
DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
NUMBER = {"type": "integer"}


def maybe(schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def defined(name: str) -> Any:
    return REPORT["$defs"][name]


def envelope(command: str, schema: str, **more: Any) -> dict[str, Any]:
    head = {
        "schema": {"const": schema},
        "version": FILLED,
        "command": {"const": command},
        "at": REPORT["properties"]["at"],
        "verdict": defined("Verdict"),
        "exit_code": REPORT["properties"]["exit_code"],
        "error": maybe(strict(reason=defined("Reason"), problem=FILLED, remedy=TEXT)),
    }
    return strict(**head, **more)


TOKEN = strict(
    format=defined("TokenFormat"),
    last4=TEXT,
    expires=maybe(DAY),
    days_left=maybe(NUMBER),
    reach=defined("Reach"),
)
ORGANIZATION = strict(
    name=FILLED,
    token=TOKEN,
    waiting=maybe(TOKEN),
    identity=strict(id=TEXT, name=TEXT, account=TEXT),
    registration={"$ref": "#/$defs/Registration"},
    verdict={
        "type": "object",
        "propertyNames": defined("CheckId"),
        "additionalProperties": defined("Status"),
    },
)
ENTRY = strict(
    name=FILLED,
    deployment=defined("Deployment"),
    base_url=FILLED,
    purpose=defined("Purpose"),
    aspm=maybe(strict(url=FILLED, api=FILLED)),
    created=TEXT,
    validated=maybe(TEXT),
    organizations=listed(ORGANIZATION),
)
STORED = envelope(
    "list", "aspm-ado/list/v1", day_source={"const": "local"}, connections=listed(ENTRY)
)
GUIDE = envelope(
    "guide",
    "aspm-ado/guide/v1",
    day_source=defined("DaySource"),
    organization=FILLED,
    token_page=FILLED,
    token_name=FILLED,
    reach=defined("Reach"),
    expires=DAY,
    boxes=listed(strict(category=FILLED, choice=FILLED)),
    steps=listed(strict(do=FILLED, notes=listed(FILLED))),
    administrator_request=FILLED,
)
SCENARIOS = envelope(
    "demo",
    "aspm-ado/list-scenarios/v1",
    day_source={"const": "local"},
    scenarios=listed(
        strict(
            name=FILLED,
            summary=FILLED,
            today=DAY,
            expected_exit_code=NUMBER,
            expected_reasons=listed(FILLED),
        )
    ),
)
BY_NAME = {
    "aspm-ado/report/v1": REPORT,
    "aspm-ado/list/v1": STORED,
    "aspm-ado/guide/v1": GUIDE,
    "aspm-ado/list-scenarios/v1": SCENARIOS,
}


def check(document: dict[str, Any]) -> None:
    """Assert that a document is what its schema says."""
    name = document["schema"]
    schema = BY_NAME[name]
    if document["error"] is not None and name in ("aspm-ado/list/v1", "aspm-ado/guide/v1"):
        schema = envelope(document["command"], name, day_source={"const": "local"})
    wrong = best_match(
        Draft202012Validator({**schema, "$defs": REPORT["$defs"]}).iter_errors(document)
    )
    assert wrong is None, f"{name}: {wrong.json_path}: {wrong.message}"

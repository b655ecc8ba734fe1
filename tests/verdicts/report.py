"""The document that the command prints, read by the public contract alone: its shape is checked on every run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

STATUSES: Final = frozenset({"pass", "partial", "warn", "fail", "unknown", "skip"})
LEVELS: Final = frozenset({"none", "read", "write", "manage", "full"})
SCOPES: Final = frozenset(
    f"scope.{name}" for name in ["code", "work", "identity", "profile", "project", "full-access"]
)
OF_ORGANIZATION: Final = SCOPES.union(
    ["token.format", "token.expiry", "identity", "organization.access", "reach"],
    ["clone.token", "clone.username", "aspm.registration"],
)
OF_ASPM: Final = frozenset({"aspm.reachable", "aspm.token", "aspm.projects"})
OF_CONNECTION: Final = frozenset({"store.secrets"})
OPTIONAL: Final = frozenset({"token.format", "token.expiry", "clone.username"})
VERDICTS: Final = {
    0: {"ready", "ready-with-warnings"},
    8: {"ready-with-warnings"},
    **{key: {"unknown"} for key in (1, 2, 5, 130)},
    **{key: {"not-ready"} for key in (3, 4, 6, 7)},
}
NODE: Final = {
    "version",
    "command",
    "at",
    "day_source",
    "verdict",
    "exit_code",
    "error",
    "connections",
}
CONNECTION: Final = {"name", "deployment", "base_url", "purpose", "aspm", "checks", "organizations"}
CHECK: Final = {
    "id",
    "title",
    "status",
    "required",
    "reason",
    "wanted",
    "proven",
    "detail",
    "remedy",
    "evidence",
}
TOKEN: Final = {
    "format",
    "last4",
    "expires",
    "expires_source",
    "days_left",
    "reach",
    "source",
    "shared",
}
REGISTRATION: Final = {"mode", "state", "proof", "instance_id"}

Node = dict[str, Any]


@dataclass(frozen=True)
class Organization:
    """One organization of the report."""

    node: Node

    @property
    def name(self) -> str:
        """As the report spells it."""
        return str(self.node["name"])

    def check(self, name: str) -> Node:
        """The check of this id; one that is absent counts as skipped."""
        return next(
            (one for one in self.node["checks"] if one["id"] == name),
            {"id": name, "status": "skip", "proven": None},
        )

    def status(self, name: str) -> str:
        """Its status."""
        return str(self.check(name)["status"])

    def with_status(self, *statuses: str) -> set[str]:
        """The ids of all checks with one of these."""
        return {one["id"] for one in self.node["checks"] if one["status"] in statuses}

    @property
    def failing(self) -> set[str]:
        """The ids of what is shown to be missing."""
        return self.with_status("fail")


@dataclass(frozen=True)
class Report:
    """A parsed document and the text it came from."""

    node: Node

    @classmethod
    def read(cls, text: str, exit_code: int) -> Report:
        """Parse and hold to the contract."""
        assert text.isascii(), "the document is ASCII-escaped"
        assert "\r" not in text
        report = cls(json.loads(text))
        report.hold_to_the_contract(exit_code)
        return report

    @property
    def connection(self) -> Node:
        """The only connection."""
        (only,) = self.node["connections"]
        return dict(only)

    @property
    def organizations(self) -> list[Organization]:
        """Of the only connection."""
        return [Organization(one) for one in self.connection["organizations"]]

    @property
    def organization(self) -> Organization:
        """The only organization."""
        (only,) = self.organizations
        return only

    def named(self, name: str) -> Organization:
        """The organization of this name, however it is spelled."""
        return next(one for one in self.organizations if one.name.lower() == name.lower())

    def aspm(self, name: str) -> str:
        """The status of a check of the ASPM."""
        aspm = self.connection["aspm"]
        found = [one["status"] for one in (aspm or {"checks": []})["checks"] if one["id"] == name]
        return str(found[0]) if found else "absent"

    @property
    def registration(self) -> tuple[str, str, str]:
        """Mode, state and proof of the only organization's."""
        found = self.organization.node["registration"]
        return found["mode"], found["state"], found["proof"]

    def words(self) -> str:
        """Everything that is said of what was really looked at: not the titles, and not what was skipped."""
        said = [str(self.node["error"])]
        for check in self.checks():
            if check["status"] != "skip":
                said += [str(check["detail"]), str(check["remedy"]), str(check["reason"])]
        return "\n".join(said)

    def checks(self) -> list[Node]:
        """All of them, of every level."""
        found: list[Node] = []
        for connection in self.node["connections"]:
            found += connection["checks"] + (connection["aspm"] or {"checks": []})["checks"]
            for organization in connection["organizations"]:
                found += organization["checks"]
        return found

    def hold_to_the_contract(self, exit_code: int) -> None:
        """What is true of each document, whatever the situation."""
        node = self.node
        assert node["schema"] == "aspm-ado/report/v1"
        assert set(node) >= NODE
        assert node["at"].endswith("Z")
        assert node["exit_code"] == exit_code, "the exit code is a function of the document"
        assert node["verdict"] in VERDICTS[exit_code], (node["verdict"], exit_code)
        if node["error"] is not None:
            assert set(node["error"]) >= {"reason", "problem", "remedy"}
        for connection in node["connections"]:
            assert set(connection) >= CONNECTION
            _ids(connection["checks"], OF_CONNECTION)
            _ids((connection["aspm"] or {"checks": []})["checks"], OF_ASPM)
            for organization in connection["organizations"]:
                _ids(organization["checks"], OF_ORGANIZATION)
                assert set(organization["token"]) == TOKEN
                assert len(organization["token"]["last4"]) == 4
                assert set(organization["registration"]) == REGISTRATION
                identity = organization["identity"]
                assert identity is None or set(identity) == {"id", "name", "account"}
        for check in self.checks():
            _hold_check(check)
        counted = {one["status"] for one in self.checks() if one["required"]}
        if exit_code == 0:
            assert not counted & {"fail", "unknown"}, (
                "0 means that nothing required is missing or not found out"
            )
        if node["verdict"] == "ready":
            assert "warn" not in counted


def _ids(checks: list[Node], known: frozenset[str]) -> None:
    ids = [one["id"] for one in checks]
    assert len(ids) == len(set(ids)), "each check once"
    assert set(ids) <= known, set(ids) - known


def _hold_check(check: Node) -> None:
    assert set(check) == CHECK, set(check) ^ CHECK
    assert check["status"] in STATUSES
    assert check["wanted"] is None or check["wanted"] in LEVELS
    assert check["proven"] is None or check["proven"] in LEVELS
    if check["status"] in ("warn", "fail"):
        assert check["remedy"], f"{check['id']}: every warn and fail has a remedy"
    if check["status"] != "pass":
        assert check["reason"], f"{check['id']}: every status but pass has a reason"
    if check["id"] in OPTIONAL:
        assert check["required"] is False, check["id"]
    elif check["id"] != "aspm.registration" and check["status"] != "skip":
        assert check["required"] is True, check["id"]
    for one in check["evidence"]:
        assert {"method", "url", "status", "activity_id"} <= set(one)

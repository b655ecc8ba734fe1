"""``.prom``: Prometheus' text format, for the textfile collector. No owner is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, StateSetMetricFamily

from aspm_ado.domain.reasons import Status
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from aspm_ado.domain.report import Check, Report

_PLACE: Final = ("connection", "organization")
Series = tuple[str, str]


class _ReportMetrics:
    """The three metrics of a report, as the library collects them."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """The metrics, each sample once."""
        end = GaugeMetricFamily(
            "aspm_ado_token_end_timestamp_seconds",
            "Day on which the token of an organization expires, 00:00 UTC.",
            labels=_PLACE,
        )
        for place, day in self._ends().items():
            end.add_metric(place, _seconds(f"{day}T00:00:00+00:00"))
        yield end
        status = StateSetMetricFamily(
            "aspm_ado_check_status",
            "How a check ended: 1 at its status, 0 at the others.",
            labels=(*_PLACE, "check"),
        )
        for (place, check), found in self._statuses().items():
            states = {one.value: one is found for one in Status}
            status.add_metric((*place, check), states)
        yield status
        run = GaugeMetricFamily(
            "aspm_ado_run_timestamp_seconds",
            "Time of the run that this report is of.",
            labels=_PLACE,
        )
        at = _seconds(self._report.at)
        for place in dict.fromkeys(place for place, _ in self._checks()) or {("", ""): None}:
            run.add_metric(place, at)
        yield run

    def _ends(self) -> dict[Series, str]:
        return {
            (clean(connection.name or ""), clean(one.name)): one.token.end
            for connection in self._report.connections
            for one in connection.organizations
            if one.token.end is not None
        }

    def _statuses(self) -> dict[tuple[Series, str], Status]:
        return {
            (place, check.id.value): check.status
            for place, checks in self._checks()
            for check in checks
        }

    def _checks(self) -> Iterator[tuple[Series, Iterable[Check]]]:
        """Those of a connection as a whole and of its Invicti ASPM have no organization."""
        for connection in self._report.connections:
            name = clean(connection.name or "")
            yield (name, ""), connection.checks
            if connection.aspm is not None:
                yield (name, ""), connection.aspm.checks
            for one in connection.organizations:
                yield (name, clean(one.name)), one.checks


def render_metrics(report: Report) -> bytes:
    """The metrics, in the text format of version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_ReportMetrics(report))
    return generate_latest(registry)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()

"""No text names an option that its command lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .messages import EVERYWHERE, OPTIONS, Node, options_named, said

EXCUSED = {
    ("adapters.records.catalog.DiskRecords", "-y"): "it names connect",
    ("adapters.sources.SystemSources", "--pat-file"): "only beside --pat-stdin",
    ("cli.context._STDIN", "--pat-file"): "only beside --pat-stdin",
    ("domain.aspm.api.settings_for", "--team-leads-may"): "only beside --team-leads-may",
    ("domain.aspm.api.settings_for", "--aspm-api"): "only beside --team-leads-may",
    ("domain.aspm.api.settings_for", "--purpose"): "only beside --team-leads-may",
    ("domain.azure.pats.PAT_ERRORS", "--pat-expires"): "handoff revokes and never creates",
    ("domain.report.Command", "-o"): "a piece of a command",
    ("domain.report.Command", "--aspm-url"): "a piece of aspm-ado rotate",
    ("domain.guide.POLICIES", "--reach"): "migrate never asks for a global token",
    ("domain.guide._reach_step", "--reach"): "migrate never asks for a global token",
    ("domain.azure.place.options_for", "--collection"): "a piece of aspm-ado connect or guide",
    ("domain.azure.place.options_for", "--server-url"): "a piece of aspm-ado connect or guide",
    ("domain.azure.place.options_for", "-o"): "a piece of aspm-ado connect or guide",
    ("domain.azure.place.parse_server", "--allow-http"): "only connect lets a server be corrected",
    ("domain.guide._where_policies_forbid", "--request"): "below aspm-ado guide",
    ("domain.rules.aspm._no_api", "--aspm-api"): "only beside --aspm-api",
    ("domain.rules.reach.not_listed", "--collection"): "rotate lists none, migrate no Server",
    ("flows.options.aspm_options", "--register"): "only beside --register",
    ("flows.registration.aspm._TOKEN", "--aspm-token-file"): "elsewhere only a person is asked",
    ("flows.tokens.creation._AGREE", "--create-token"): "in validate only a person is asked",
    ("flows.tokens.creation._AGREE", "-y"): "in validate only a person is asked",
    ("flows.tokens.creation.Creation", "--create-token"): "only beside --create-token",
    ("flows.tokens.creation.Creation", "-y"): "only beside --create-token",
    ("flows.tokens.creation.Creation", "--dry-run"): "only beside --dry-run",
    ("flows.tokens.creation.Creation", "--store"): "only beside --store none",
    ("flows.tokens.lifecycle._END_LEFT", "-y"): "in validate only a person is asked",
    ("flows.tokens.creation._END_OLD", "-y"): "handoff and validate ask only a person",
    ("flows.tokens.sources.tokens_given", "--create-token"): "only beside --create-token",
    ("flows.validation.report.named", "--reach"): "a stored connection has a name",
}
"""Where it stands, the option, and why no command without it comes to say it."""


def _lacking() -> Iterator[tuple[str, str, str, str]]:
    """Where a text stands, the option, the command that lacks it, and the text."""
    for command, (module, name), text in said():
        where = f"{module.removeprefix('aspm_ado.')}.{name}"
        for word, option in options_named(command, text):
            if option not in OPTIONS[word] | EVERYWHERE:
                yield where, option, word, text


def test_every_option_that_a_text_names_exists_in_that_command() -> None:
    wrong = [one for one in _lacking() if one[:2] not in EXCUSED]
    assert not wrong, "\n".join(sorted({" | ".join(one) for one in wrong}))


def test_every_excuse_is_needed() -> None:
    assert set(EXCUSED) - {one[:2] for one in _lacking()} == set()


def test_every_command_says_something_of_its_own() -> None:
    nodes: dict[str, set[Node]] = {}
    for command, node, _ in said():
        nodes.setdefault(command, set()).add(node)
    assert len(nodes) == len(OPTIONS) - 1
    for word, found in nodes.items():
        assert len(found) > 30, word
    assert ("aspm_ado.flows.rotation.rotate", "_demand_obtainable") in nodes["rotate"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Run: aspm-ado connect contoso -o x --reach all", ["connect -o", "connect --reach"]),
        ("Pass --reach.", ["token --reach"]),
        ("pass --reach organization to connect.", ["connect --reach"]),
        ("rotate and migrate have --yes. Pass --json.", ["rotate --yes", "migrate --yes", "token --json"]),
        ("connect has --pat-file FILE and --pat-stdin", ["connect --pat-file", "connect --pat-stdin"]),
        ("Sign in: az login --tenant X", []),
        ("aspm-ado list; then --json", ["token --json"]),
    ],
)  # fmt: skip
def test_whose_option_a_text_names(text: str, named: list[str]) -> None:
    assert [" ".join(one) for one in options_named("token", text)] == named

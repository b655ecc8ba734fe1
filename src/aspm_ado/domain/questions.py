"""Everything that can be asked: flag, variable and prompt of each question in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a list: its value in the program, and what a person reads."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``flag`` and ``env`` are for scripts; empty where only a person can answer."""

    name: str
    prompt: str
    flag: str = ""
    env: str = ""
    help: str = ""
    metavar: str = ""
    short: str = ""
    repeat: bool = False
    switch: bool = False
    values: tuple[str, ...] = ()

    @property
    def how(self) -> str:
        """How to answer where nobody can be asked."""
        if self.flag and self.env:
            return f"Pass {self.flag} or set {self.env}."
        if self.flag:
            return f"Pass {self.flag}."
        if self.env:
            return f"Set {self.env}."
        return "Run this on a terminal."


@dataclass(frozen=True, slots=True)
class Given:
    """An answer from the command line or a variable, and where it came from."""

    values: tuple[str, ...]
    source: str

    @property
    def is_flag(self) -> bool:
        """Whether it is from the command line, and so wins over a variable."""
        return self.source.startswith("-")

    @property
    def value(self) -> str:
        """The answer to a question that takes one."""
        return self.values[-1] if self.values else ""


def _row(name: str, prompt: str, help_: str, metavar: str = "", **more: object) -> Question:
    env = "ASPM_ADO_" + name.replace("-", "_").upper()
    return Question(name, prompt, f"--{name}", env, help_, metavar, **more)  # type: ignore[arg-type]


ORGANIZATION: Final = _row(
    "organization",
    "Organization or server (its name, or any address in it)",
    "Organization of Azure DevOps Services: its name or any URL in it. Repeat for more.",
    "NAME-or-URL",
    short="-o",
    repeat=True,
)
SERVER_URL: Final = _row(
    "server-url",
    "Address of your Azure DevOps Server",
    "On-premises server: root or collection URL.",
    "URL",
)
COLLECTION: Final = _row(
    "collection", "Collection", "Collection of the server. Repeat for more.", "NAME", repeat=True
)
ALL_ORGANIZATIONS: Final = _row(
    "all-organizations",
    "All organizations",
    "Every organization (collection) that the token reaches; with -o their union.",
    switch=True,
)
PURPOSE: Final = _row(
    "purpose",
    "What will Invicti ASPM use this connection for?",
    "What the token is for.",
    "PURPOSE",
    values=("alm", "alm+issue-manager", "issue-manager"),
)
PAT_STDIN: Final = _row("pat-stdin", "Token on stdin", "Read the token from stdin.", switch=True)
PAT_FILE: Final = _row(
    "pat-file",
    "Personal access token",
    "Read the token from FILE (- is stdin), or the token of one organization alone. Repeat for "
    "more.",
    "[ORGANIZATION=]FILE",
    repeat=True,
)
PAT_VARIABLE: Final = _row(
    "pat-variable",
    "Variable with the token of an organization",
    "Read the token of one organization from the variable NAME. Repeat for more.",
    "ORGANIZATION=NAME",
    repeat=True,
)
CREATE_TOKEN: Final = _row(
    "create-token",
    "How shall the token be made",
    "Let the Azure CLI (az) make a token of one organization: if it can (auto), never, or in no "
    "other way (require).",
    "HOW",
    values=("auto", "never", "require"),
)
PAT: Final = Question(
    "pat", "Personal access token", "--pat-file FILE or --pat-stdin", "ASPM_ADO_PAT"
)
PAT_EXPIRES: Final = _row(
    "pat-expires",
    "When does the token end (YYYY-MM-DD, or “unknown”)",
    "The day on which the token ends.",
    "YYYY-MM-DD",
)
REACH: Final = _row(
    "reach",
    "Which token shall it be?",
    "The reach demanded: all organizations as Invicti's guide asks, or one.",
    "REACH",
    values=("auto", "all", "organization"),
)
CLONE_USERNAME: Final = _row(
    "clone-username",
    "Username for cloning",
    "Username beside the token, for scanners that need one.",
    "NAME",
)
CHECK_CLONE: Final = _row(
    "check-clone",
    "Repository to try",
    "Try to read any repository (auto), none (no), or the one named.",
    "auto|no|PROJECT/REPO",
)
TEAM_LEADS_MAY: Final = _row(
    "team-leads-may",
    "What may team leads do in Invicti ASPM?",
    "Advanced Settings to switch on: create-instances, fetch-projects, access-projects. Repeat for "
    "more.",
    "WHAT",
    repeat=True,
    values=("create-instances", "fetch-projects", "access-projects"),
)
ASPM_URL: Final = Question(
    "aspm-url",
    "Address of your Invicti ASPM",
    "--aspm-url",
    "INVICTI_ASPM_HOST",
    "Address of your Invicti ASPM (env: INVICTI_ASPM_HOST).",
    "URL",
)
ASPM_TOKEN_FILE: Final = _row(
    "aspm-token-file",
    "API token of Invicti ASPM",
    "Read the API token of Invicti ASPM from FILE.",
    "FILE",
)
ASPM_API: Final = _row(
    "aspm-api",
    "API of Invicti ASPM",
    "Which API the ASPM speaks.",
    "API",
    values=("auto", "standalone", "core"),
)
REGISTER: Final = _row(
    "register",
    "Registration",
    "How the connection gets into Invicti ASPM.",
    "HOW",
    values=("auto", "api", "guided", "none"),
)
REGISTRATION_PROFILE: Final = _row(
    "registration-profile", "Registration profile", "Your profile for --register api.", "FILE"
)
STORE: Final = _row(
    "store", "Store", "Where secrets are kept.", "STORE", values=("keyring", "none")
)
DRY_RUN: Final = _row(
    "dry-run", "Dry run", "Validate and print the plan; store and register nothing.", switch=True
)
READ_ONLY_PROBES: Final = _row(
    "read-only-probes",
    "Read-only probes",
    "Send only GET. Otherwise write levels are probed with POST, PATCH and DELETE on random ids, "
    "which change nothing.",
    switch=True,
)
ALLOW_HTTP: Final = _row(
    "allow-http", "Allow http", "Accept an on-premises server without TLS.", switch=True
)
YES: Final = _row("yes", "Yes", "Ask for no confirmation.", switch=True, short="-y")

WARN_DAYS: Final = _row("warn-days", "Warn days", "Warn when a token ends within N days (30).", "N")
FAIL_ON_WARNING: Final = _row(
    "fail-on-warning",
    "Fail on warning",
    "A required warning counts as a failure (exit 3).",
    switch=True,
)
SHOW_ALL: Final = _row("all", "All", "Show also what is good.", switch=True)
REQUEST: Final = _row(
    "request",
    "Request",
    "Print the request to an administrator, where a policy forbids what the guide says.",
    "POLICY",
    values=("creation", "global", "full-scope", "lifespan", "access"),
)
ALLOW_OTHER_IDENTITY: Final = _row(
    "allow-other-identity",
    "Allow another identity",
    "Take the new token although it is another person's.",
    switch=True,
)
PLAN: Final = _row(
    "plan", "Plan", "Print what is to be done for each organization, and do nothing.", switch=True
)
PLAN_FILE: Final = _row(
    "plan-file",
    "File for the plan",
    "Write the plan to FILE (.json or .md), and do nothing else. Repeat for both.",
    "FILE",
    repeat=True,
)

JSON: Final = _row("json", "JSON", "Print one JSON document on stdout.", switch=True)
NO_INPUT: Final = _row("no-input", "No input", "Never ask; say what is missing.", switch=True)
CA_BUNDLE: Final = _row("ca-bundle", "CA bundle", "Trust these certificates too (PEM).", "FILE")
TIMEOUT: Final = _row(
    "timeout", "Timeout", "Longest time for each call as a whole (30).", "SECONDS"
)
CONFIG_DIR: Final = _row("config-dir", "Config folder", "Where our records are kept.", "DIR")
QUIET: Final = _row(
    "quiet", "Quiet", "Only results, warnings and questions.", switch=True, short="-q"
)
VERBOSE: Final = _row(
    "verbose", "Verbose", "Trace each request on stderr, without secrets.", switch=True, short="-v"
)
NO_COLOR: Final = _row("no-color", "No colour", "No colours.", switch=True)

SHARED: Final = (JSON, NO_INPUT, CA_BUNDLE, TIMEOUT, CONFIG_DIR, QUIET, VERBOSE, NO_COLOR)
WHERE: Final = (ORGANIZATION, SERVER_URL, COLLECTION, ALL_ORGANIZATIONS)
TOKEN: Final = (
    PURPOSE, PAT_STDIN, PAT_FILE, PAT_EXPIRES, REACH, CLONE_USERNAME, CHECK_CLONE,
    READ_ONLY_PROBES, ALLOW_HTTP,
)  # fmt: skip
ASPM: Final = (TEAM_LEADS_MAY, ASPM_URL, ASPM_TOKEN_FILE, ASPM_API, REGISTER, REGISTRATION_PROFILE)
KEEPING: Final = (STORE, DRY_RUN, YES)
MIGRATING: Final = (PAT_EXPIRES, CLONE_USERNAME, CHECK_CLONE, READ_ONLY_PROBES)
PLANNING: Final = (PLAN, PLAN_FILE, YES)

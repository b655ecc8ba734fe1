"""Every question, in one row each: flag, variable, prompt and help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a list: its value, and what a person reads."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    ``flag`` and ``env`` are empty if only a person can answer. ``separator`` stands between the
    values of the variable. ``default`` is shown in help. ``group`` is the heading in help.
    """

    name: str
    prompt: str
    flag: str = ""
    env: str = ""
    help: str = ""
    metavar: str = ""
    short: str = ""
    repeat: bool = False
    separator: str = ","
    switch: bool = False
    values: tuple[str, ...] = ()
    default: str = ""
    group: str = "This run"

    @property
    def how(self) -> str:
        """How to answer without a prompt."""
        ways = [f"pass {self.flag}"] if self.flag else []
        ways += [f"set {self.env}"] if self.env else []
        how = " or ".join(ways) or "run this on a terminal"
        return f"{how[0].upper()}{how[1:]}."

    def hinting(self, hint: str) -> Question:
        """The same with a hint at the end of its prompt."""
        return replace(self, prompt=f"{self.prompt} ({hint})")


@dataclass(frozen=True, slots=True)
class Given:
    """An answer from the command line or a variable, and where it came from."""

    values: tuple[str, ...]
    source: str

    @property
    def is_flag(self) -> bool:
        """Whether it is from the command line, which wins over a variable."""
        return self.source.startswith("-")

    @property
    def value(self) -> str:
        """The answer to a question with one value."""
        return self.values[-1] if self.values else ""


PAT_VARIABLES: Final = ("ASPM_ADO_PAT", "AZURE_DEVOPS_EXT_PAT")
"""The variables with a personal access token, in the order of use."""
ASPM_VARIABLES: Final = ("INVICTI_ASPM_TOKEN", "KONDUKTO_TOKEN")
"""The variables with an API token of Invicti ASPM, in the order of use."""
SECRET_VARIABLES: Final = (*PAT_VARIABLES, *ASPM_VARIABLES)

OLD_NAMES: Final = {
    "KONDUKTO_HOST": "INVICTI_ASPM_HOST",
    "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN",
}
"""Variables that are deprecated, and those to use."""


def _row(name: str, help_: str, metavar: str = "", *, prompt: str = "", **more: object) -> Question:
    env = "ASPM_ADO_" + name.replace("-", "_").upper()
    return Question(name, prompt, f"--{name}", env, help_, metavar, **more)  # type: ignore[arg-type]


_where: Final = partial(_row, group="Where")
_token: Final = partial(_row, group="Token")
_aspm: Final = partial(_row, group="Invicti ASPM")
_storage: Final = partial(_row, group="Storage")

ORGANIZATION: Final = _where(
    "organization",
    "Organization of Azure DevOps Services: its name or any URL in it. Can be repeated.",
    "NAME-or-URL",
    prompt="Organization or server (name or any URL in it)",
    short="-o",
    repeat=True,
)
SERVER_URL: Final = _where(
    "server-url",
    "URL of an Azure DevOps Server or of a collection.",
    "URL",
    prompt="URL of your Azure DevOps Server",
)
COLLECTION: Final = _where(
    "collection",
    "Collection of the server. Can be repeated.",
    "NAME",
    prompt="Collection",
    repeat=True,
)
ALL_ORGANIZATIONS: Final = _where(
    "all-organizations",
    "Every organization (collection) that the token can access, besides those you name.",
    switch=True,
)
PURPOSE: Final = _where(
    "purpose",
    "What Invicti ASPM uses the connection for: read code (alm), manage issues, or both.",
    "PURPOSE",
    prompt="What will Invicti ASPM use this connection for?",
    values=("alm", "alm+issue-manager", "issue-manager"),
    default="alm",
)
ALLOW_HTTP: Final = _where("allow-http", "Accept an Azure DevOps Server without TLS.", switch=True)
FROM: Final = _where("from", "Create each [[connection]] in the TOML file FILE.", "FILE")
PAT_STDIN: Final = _token("pat-stdin", "Read the token from stdin.", switch=True)
PAT_FILE: Final = _token(
    "pat-file",
    "Read the token from FILE (- is stdin), or the token of one organization. Can be repeated.",
    "[ORGANIZATION=]FILE",
    repeat=True,
)
PAT_COMMAND: Final = _token(
    "pat-command",
    "Read the token from the output of COMMAND, or that of one organization. Can be repeated.",
    "[ORGANIZATION=]COMMAND",
    repeat=True,
    separator="\n",
)
PAT_VARIABLE: Final = _token(
    "pat-variable",
    "Read the token of one organization from the variable NAME. Can be repeated.",
    "ORGANIZATION=NAME",
    repeat=True,
)
CREATE_TOKEN: Final = _token(
    "create-token",
    "Create the token for one organization with the Azure CLI (az): if possible, never, or fail "
    "without it.",
    "HOW",
    values=("auto", "never", "require"),
    default="auto",
)
PAT: Final = Question(
    "pat", "Personal access token", "--pat-file FILE or --pat-stdin", PAT_VARIABLES[0]
)
PAT_EXPIRES: Final = _token(
    "pat-expires",
    "Expiry date of the token.",
    "YYYY-MM-DD",
    prompt="When does the token expire? (YYYY-MM-DD or unknown)",
)
REACH: Final = _token(
    "reach",
    "The token you want: for all organizations (collections), or for one.",
    "REACH",
    prompt="Which kind of token do you want?",
    values=("auto", "all", "organization"),
    default="auto",
)
CLONE_USERNAME: Final = _token(
    "clone-username",
    "Username for scanners that cannot clone with the token alone.",
    "NAME",
    prompt="Username for cloning",
)
CHECK_CLONE: Final = _token(
    "check-clone",
    "Repository to read as a test: any (auto), none (no), or the one you name.",
    "auto|no|PROJECT/REPO",
    default="auto",
)
READ_ONLY_PROBES: Final = _token(
    "read-only-probes",
    "Send only GET. Without it, POST, PATCH and DELETE on random ids verify write access; they "
    "change nothing.",
    switch=True,
)
ALLOW_OTHER_IDENTITY: Final = _token(
    "allow-other-identity", "Accept a new token that belongs to another person.", switch=True
)
TEAM_LEADS_MAY: Final = _aspm(
    "team-leads-may",
    "Advanced Setting to switch on. Can be repeated.",
    "WHAT",
    prompt="What may team leads do in Invicti ASPM?",
    repeat=True,
    values=("create-instances", "fetch-projects", "access-projects"),
)
ASPM_URL: Final = Question(
    "aspm-url",
    "URL of your Invicti ASPM",
    "--aspm-url",
    "INVICTI_ASPM_HOST",
    "URL of your Invicti ASPM.",
    "URL",
    group="Invicti ASPM",
)
ASPM_TOKEN_FILE: Final = _aspm(
    "aspm-token-file", "Read the API token of Invicti ASPM from FILE.", "FILE"
)
ASPM_API: Final = _aspm(
    "aspm-api",
    "API of your Invicti ASPM.",
    "API",
    values=("auto", "standalone", "core"),
    default="auto",
)
REGISTER: Final = _aspm(
    "register",
    "How to add the connection to Invicti ASPM: by its API, by you (guided), or not at all.",
    "HOW",
    values=("auto", "api", "guided", "none"),
    default="auto",
)
REGISTRATION_PROFILE: Final = _aspm(
    "registration-profile", "Your profile for --register api.", "FILE"
)
STORE: Final = _storage(
    "store", "Where to store the secrets.", "STORE", values=("keyring", "none"), default="keyring"
)
CONFIG_DIR: Final = _storage("config-dir", "Configuration directory.", "DIR")
DRY_RUN: Final = _row(
    "dry-run", "Validate and print the plan. Store and register nothing.", switch=True
)
YES: Final = _row("yes", "Skip confirmation prompts.", switch=True, short="-y")

WARN_DAYS: Final = _row("warn-days", "Warn when a token expires within N days.", "N", default="30")
FAIL_ON_WARNING: Final = _row(
    "fail-on-warning", "Exit with 3 on a warning that counts.", switch=True
)
SHOW_ALL: Final = _row("all", "Show all checks, including passed ones.", switch=True)
REPORT: Final = _row(
    "report",
    "Also write the report to FILE: .html (a page), .md, .xml (JUnit), .ics (calendar), .prom "
    "(Prometheus) or .json. Can be repeated.",
    "FILE",
    repeat=True,
)
REQUEST: Final = _row(
    "request",
    "Print a request to an administrator whose policy prevents the token.",
    "POLICY",
    values=("creation", "global", "full-scope", "lifespan", "access"),
)
PLAN: Final = _row("plan", "Print the plan for each organization. Change nothing.", switch=True)
PLAN_FILE: Final = _row(
    "plan-file",
    "Write the plan to FILE (.json or .md). Change nothing. Can be repeated.",
    "FILE",
    repeat=True,
)

JSON: Final = _row("json", "Print one JSON document on stdout.", switch=True)
NO_INPUT: Final = _row("no-input", "Never prompt. Fail if a value is missing.", switch=True)
CA_BUNDLE: Final = _row("ca-bundle", "Also trust these certificates (PEM).", "FILE")
TIMEOUT: Final = _row("timeout", "Time limit of each request in seconds.", "SECONDS", default="30")
QUIET: Final = _row("quiet", "Print only results, warnings and prompts.", switch=True, short="-q")
VERBOSE: Final = _row(
    "verbose", "Log each request to stderr, without secrets.", switch=True, short="-v"
)
NO_COLOR: Final = _row("no-color", "Disable color.", switch=True)

SHARED: Final = (JSON, NO_INPUT, CA_BUNDLE, TIMEOUT, CONFIG_DIR, QUIET, VERBOSE, NO_COLOR)
WHERE: Final = (ORGANIZATION, SERVER_URL, COLLECTION, ALL_ORGANIZATIONS)
PAT_SOURCES: Final = (PAT_STDIN, PAT_FILE, PAT_VARIABLE, PAT_COMMAND)
"""The sources of a token, in the order of use."""
TOKEN: Final = (
    PURPOSE, *PAT_SOURCES, PAT_EXPIRES, REACH, CLONE_USERNAME, CHECK_CLONE,
    READ_ONLY_PROBES, ALLOW_HTTP,
)  # fmt: skip
ASPM: Final = (TEAM_LEADS_MAY, ASPM_URL, ASPM_TOKEN_FILE, ASPM_API, REGISTER, REGISTRATION_PROFILE)
CONNECTION_KEYS: Final = tuple(
    one for one in (*WHERE, *TOKEN, CREATE_TOKEN, *ASPM, STORE, CA_BUNDLE) if one is not PAT_STDIN
)
"""The keys of a connection in a file (``--from``): no switch of the run, and no secret."""
KEEPING: Final = (STORE, DRY_RUN, YES)
MIGRATING: Final = (PAT_EXPIRES, CLONE_USERNAME, CHECK_CLONE, READ_ONLY_PROBES)
PLANNING: Final = (PLAN, PLAN_FILE, YES)

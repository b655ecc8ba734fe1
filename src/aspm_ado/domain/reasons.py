"""The public words: exit codes, check ids with titles, reasons with who can act; and the errors.

An error says what happened and what to do, and has a reason with its exit code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes of the contract (docs/exit-codes.md)."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NOT_GOOD_ENOUGH = 3
    REJECTED = 4
    COULD_NOT_FIND_OUT = 5
    ASPM = 6
    STORE = 7
    STEP_REMAINS = 8
    INTERRUPTED = 130


class CheckId(StrEnum):
    """The public ids of the checks with their titles, in the order in which they are shown."""

    title: str  # type: ignore[assignment]

    def __new__(cls, name: str, title: str) -> CheckId:
        """Bind the public id and what a person reads together."""
        check = str.__new__(cls, name)
        check._value_ = name
        check.title = title
        return check

    TOKEN_FORMAT = "token.format", "Token format"
    TOKEN_EXPIRY = "token.expiry", "Token expiry"
    IDENTITY = "identity", "Identity"
    ACCESS = "organization.access", "Access to the organization"
    REACH = "reach", "Reach of the token"
    SCOPE_CODE = "scope.code", "Code"
    SCOPE_WORK = "scope.work", "Work Items"
    SCOPE_IDENTITY = "scope.identity", "Identity (scope)"
    SCOPE_PROFILE = "scope.profile", "User Profile"
    SCOPE_PROJECT = "scope.project", "Project and Team"
    SCOPE_FULL_ACCESS = "scope.full-access", "Full access"
    CLONE_TOKEN = "clone.token", "Clone with the token alone"
    CLONE_USERNAME = "clone.username", "Clone with username + token"
    REGISTRATION = "aspm.registration", "Registration in Invicti ASPM"
    ASPM_REACHABLE = "aspm.reachable", "Invicti ASPM reachable"
    ASPM_TOKEN = "aspm.token", "Invicti ASPM API token"
    ASPM_PROJECTS = "aspm.projects", "Invicti ASPM project rights"
    SECRETS = "store.secrets", "Secrets stored"


class Who(StrEnum):
    """Who can act on a reason."""

    ASKER = "asker"
    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    NETWORK = "network"
    SERVICE = "service"
    ASPM = "aspm"
    ASPM_ADDRESS = "aspm-address"
    ASPM_INTEGRATIONS = "aspm-integrations"
    MACHINE = "machine"


class Reason(StrEnum):
    """Why a check or a run did not simply pass. docs/reasons.md has the text below each.

    ``exit_code`` is what a required check with this reason counts as.
    """

    exit_code: ExitCode
    who: Who | None

    def __new__(cls, name: str, code: int, who: Who | None = None) -> Reason:
        """Bind the public name, the exit code and who can act together."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.exit_code = ExitCode(code)
        reason.who = who
        return reason

    USAGE = "usage", 2
    """The command line is not valid."""
    INPUT_MISSING = "input-missing", 2
    """A required value is missing, and prompts are unavailable."""
    INPUT_INVALID = "input-invalid", 2
    """A value was rejected before any request."""
    URL_INVALID = "url-invalid", 2
    """A URL is not valid, or does not fit the option that it was passed to."""
    HTTP_REFUSED = "http-refused", 2
    """A URL without TLS would send a secret in clear text."""
    SECRET_AS_VALUE = "secret-as-value", 2
    """A token was passed where a name, a file, or a URL is expected."""
    VARIABLE_NOT_EXPANDED = "variable-not-expanded", 2
    """A value is a literal `$(NAME)`: the pipeline variable was not expanded."""
    TOKEN_UNCHANGED = "token-unchanged", 2
    """The new token is the same as the current one."""
    TOKEN_EMPTY = "token-empty", 2
    """The source of the token is empty."""
    TOKEN_MALFORMED = "token-malformed", 2
    """The token contains an invalid character. The error names its position, never its content."""
    TOKEN_IS_ENTRA = "token-is-entra", 2
    """An Entra access token (`eyJ…`) was passed instead of a personal access token."""
    TOKEN_COMMAND_FAILED = "token-command-failed", 2
    """The command for the token cannot run, fails, or does not print exactly one token."""
    FILE_UNREADABLE = "file-unreadable", 2
    """A named file cannot be read or written."""
    FILE_NOT_PRIVATE = "file-not-private", 2
    """Other users of this machine can read a file with a secret."""
    NOTHING_STORED = "nothing-stored", 2
    """No connections are stored, or none has that name."""
    EXTRA_MISSING = "extra-missing", 2
    """A format of `--report` needs a library that is not installed."""
    CODE_SCOPE_MISSING = "code-scope-missing", 3, Who.OWNER
    """The token lacks the Code scope at the level that ASPM needs."""
    WORK_SCOPE_MISSING = "work-scope-missing", 3, Who.OWNER
    """The token lacks the Work Items scope at the level that ASPM needs."""
    IDENTITY_SCOPE_MISSING = "identity-scope-missing", 3, Who.OWNER
    """The token lacks the Identity scope."""
    PROFILE_SCOPE_MISSING = "profile-scope-missing", 3, Who.OWNER
    """The token lacks the User Profile scope at the level that ASPM needs."""
    PROJECT_SCOPE_MISSING = "project-scope-missing", 3, Who.OWNER
    """The token lacks the Project and Team scope at the level that ASPM needs."""
    FULL_ACCESS_MISSING = "full-access-missing", 3, Who.OWNER
    """The token does not have Full access."""
    FULL_ACCESS_BY_PARTS = "full-access-by-parts", 0
    """Not Full access, but the five sets of scopes that Invicti's Services pages name."""
    REACH_ORGANIZATION_ONLY = "reach-organization-only", 3, Who.OWNER
    """The token is for one organization. Invicti asks for all accessible organizations."""
    REACH_GLOBAL_ENDS = "reach-global-ends", 0
    """The token is global. Microsoft announced the end of such tokens for the date shown."""
    REACH_GLOBAL_OUTLIVED = "reach-global-outlived", 0
    """The announced date has passed, but the token still works in all organizations."""
    REACH_AFTER_END = "reach-after-end", 0
    """Microsoft announced the end of global tokens. Invicti's guide still asks for one."""
    REACH_TOO_WIDE = "reach-too-wide", 3, Who.OWNER
    """The new token is global, but this organization needs a token of its own."""
    NOT_MIGRATED = "not-migrated", 8
    """The organization is part of a migration and has no token of its own yet."""
    REACH_UNKNOWN = "reach-unknown", 5, Who.OWNER
    """The reach of the token is unknown."""
    ORGANIZATIONS_NOT_LISTED = "organizations-not-listed", 3, Who.OWNER
    """The organizations that the token can access could not be listed."""
    NOT_A_MEMBER = "not-a-member", 3, Who.ADMINISTRATOR
    """The token is valid, but its owner has no access to this organization."""
    NEVER_SIGNED_IN = "never-signed-in", 3, Who.OWNER
    """The token's owner has never signed in to this organization."""
    ORGANIZATION_ABSENT = "organization-absent", 3, Who.ASKER
    """No organization or collection has this name."""
    ORGANIZATION_DEACTIVATED = "organization-deactivated", 3, Who.ADMINISTRATOR
    """The organization or collection is deactivated."""
    ORGANIZATION_REFUSES_TOKEN = "organization-refuses-token", 3, Who.ADMINISTRATOR
    """The token is valid, but this organization rejects it: no membership, or a token policy."""
    CLONE_FAILED = "clone-failed", 3, Who.ADMINISTRATOR
    """The repository could not be read, although the token has the Code scope."""
    CLONE_NEEDS_USERNAME = "clone-needs-username", 0
    """The repository can be read only with a username and the token."""
    CLONE_USERNAME_FAILED = "clone-username-failed", 0
    """The token alone reads the repository, but not with this username."""
    CLONE_NEEDS_HEADER = "clone-needs-header", 0
    """The server also offers Windows sign-in. With it, git may fail with `https://user:TOKEN@…`."""
    REPOSITORY_DISABLED = "repository-disabled", 3, Who.ADMINISTRATOR
    """The repository named for the clone check is disabled."""
    REPOSITORY_ABSENT = "repository-absent", 3, Who.ASKER
    """The repository named for the clone check does not exist, or the token cannot see it."""
    OTHER_IDENTITY = "other-identity", 3, Who.OWNER
    """The new token belongs to another person than the current token."""
    WARNING_REFUSED = "warning-refused", 3, Who.OWNER
    """A warning counts as a failure, because of --fail-on-warning."""
    DECLINED = "declined", 2
    """You declined the plan or a confirmation."""
    CONFIRMATION_MISSING = "confirmation-missing", 2
    """A step that cannot be undone needs a confirmation or -y."""
    CREATION_FORBIDDEN = "creation-forbidden", 3, Who.ADMINISTRATOR
    """A policy of the organization or its tenant forbids this token."""
    CREATION_NOT_ALLOWED = "creation-not-allowed", 3, Who.ADMINISTRATOR
    """The account signed in with `az` may not create tokens there."""
    CREATION_NOT_POSSIBLE = "creation-not-possible", 3, Who.SERVICE
    """Programs cannot create tokens there."""
    CREATION_REFUSED = "creation-refused", 3, Who.SERVICE
    """Azure DevOps rejected the name, the scopes, or the dates of the new token."""
    OTHER_TENANT = "other-tenant", 3, Who.MACHINE
    """The account signed in with `az` is not in the organization's tenant."""
    TOKEN_REJECTED = "token-rejected", 4, Who.OWNER
    """The service does not accept the token."""
    TOKEN_EXPIRED = "token-expired", 4, Who.OWNER
    """The service rejects the token as expired."""
    TOKEN_ANONYMOUS = "token-anonymous", 4, Who.OWNER
    """The service answered as to an anonymous request: it did not accept the token."""
    TOKEN_GONE = "token-gone", 4, Who.MACHINE
    """The stored token is no longer in the keyring."""
    ASPM_TOKEN_REJECTED = "aspm-token-rejected", 4, Who.ASPM
    """Invicti ASPM does not accept its API token."""
    NAME_UNRESOLVED = "name-unresolved", 5, Who.NETWORK
    """The name of a host cannot be resolved."""
    UNREACHABLE = "unreachable", 5, Who.NETWORK
    """Could not connect to a host."""
    TLS_UNTRUSTED = "tls-untrusted", 5, Who.NETWORK
    """The certificate of a host is not signed by an authority that this machine trusts."""
    TLS_WRONG_HOST = "tls-wrong-host", 5, Who.NETWORK
    """The certificate belongs to another host."""
    TLS_EXPIRED = "tls-expired", 5, Who.NETWORK
    """The certificate is not valid today."""
    TLS_FAILED = "tls-failed", 5, Who.NETWORK
    """The TLS connection failed."""
    PROXY_FAILED = "proxy-failed", 5, Who.NETWORK
    """The proxy refused the connection."""
    TIMED_OUT = "timed-out", 5, Who.NETWORK
    """The service did not answer completely in time."""
    CLOCK_WRONG = "clock-wrong", 5, Who.MACHINE
    """The clock of this machine differs too much from that of the service."""
    UNFINISHED = "unfinished", 0
    """An earlier run left unfinished work. A later run continues it."""
    MACHINE_ODD = "machine-odd", 0
    """Something on this machine is unusual, but may work."""
    THROTTLED = "throttled", 5, Who.SERVICE
    """The service is throttling requests for longer than the time limit."""
    SERVICE_UNAVAILABLE = "service-unavailable", 5, Who.SERVICE
    """The service answered with a server error."""
    AZ_ABSENT = "az-absent", 5, Who.MACHINE
    """The Azure CLI (`az`) is not on the PATH."""
    AZ_NOT_SIGNED_IN = "az-not-signed-in", 5, Who.MACHINE
    """Nobody is signed in to the tenant with `az`, or the sign-in has expired."""
    AZ_FAILED = "az-failed", 5, Who.MACHINE
    """`az` failed, or did not return a token."""
    TENANT_UNKNOWN = "tenant-unknown", 5, Who.SERVICE
    """The Entra tenant of the organization is unknown."""
    CREATION_FAILED = "creation-failed", 5, Who.SERVICE
    """Azure DevOps failed to create the token, or gave no known reason."""
    CREATION_UNCERTAIN = "creation-uncertain", 5, Who.SERVICE
    """Azure DevOps may have created a token, but its value did not arrive."""
    ACCESS_FENCED = "access-fenced", 5, Who.ADMINISTRATOR
    """Conditional access or an IP fence blocked this machine."""
    NOT_AZURE_DEVOPS = "not-azure-devops", 5, Who.NETWORK
    """Something other than Azure DevOps answered: a sign-in portal, a proxy, or a web server."""
    SERVER_SIGN_IN_SETUP = "server-sign-in-setup", 5, Who.ADMINISTRATOR
    """The web server of Azure DevOps Server refuses or signs in every request before it checks the
    token."""
    ANSWER_UNREADABLE = "answer-unreadable", 5, Who.NETWORK
    """The answer is incomplete, too large, or not in the documented form."""
    ANSWERS_CONTRADICT = "answers-contradict", 5, Who.SERVICE
    """Answers contradict each other: a lower level was denied, a higher one granted."""
    SCOPE_UNKNOWN = "scope-unknown", 5, Who.SERVICE
    """No answer shows whether the token has the scope."""
    PERMISSION_UNCLEAR = "permission-unclear", 5, Who.ADMINISTRATOR
    """The service denied access to the person, so it is unknown whether the token has the scope."""
    ASPM_FORBIDDEN = "aspm-forbidden", 6, Who.ASPM
    """Invicti ASPM accepts its API token, but denies access."""
    ASPM_NOT_AN_API = "aspm-not-an-api", 6, Who.ASPM_ADDRESS
    """The URL of Invicti ASPM does not lead to its API."""
    ASPM_REFUSED = "aspm-refused", 6, Who.ASPM
    """Invicti ASPM refused the values of the handoff or registration."""
    REGISTRATION_CONFLICT = "registration-conflict", 6, Who.ASPM_INTEGRATIONS
    """Invicti ASPM already has an instance for the organization that aspm-ado did not create."""
    THREADS_EXHAUSTED = "threads-exhausted", 5, Who.MACHINE
    """This machine cannot start more threads, or open more files."""
    KEYRING_ABSENT = "keyring-absent", 7, Who.MACHINE
    """This session has no usable keyring."""
    KEYRING_LOCKED = "keyring-locked", 7, Who.MACHINE
    """The keyring is locked."""
    KEYRING_SILENT = "keyring-silent", 7, Who.MACHINE
    """The keyring did not answer in time."""
    KEYRING_NOT_TRUSTED = "keyring-not-trusted", 7, Who.MACHINE
    """The keyring chosen for this session does not store secrets safely."""
    KEYRING_FAILED = "keyring-failed", 7, Who.MACHINE
    """The keyring failed, or returned a different secret."""
    SECRET_TOO_LARGE = "secret-too-large", 7, Who.MACHINE
    """The secret is larger than this keyring accepts."""
    RECORDS_LOCKED = "records-locked", 7, Who.MACHINE
    """Another aspm-ado process uses the configuration."""
    RECORDS_UNREADABLE = "records-unreadable", 7, Who.MACHINE
    """The configuration cannot be read or written, or is damaged."""
    RECORDS_NEWER = "records-newer", 7, Who.MACHINE
    """A newer version wrote the configuration."""
    REPORT_UNWRITTEN = "report-unwritten", 7, Who.MACHINE
    """The run finished, but a file of `--report` could not be written."""
    HANDED_OFF = "handed-off", 8
    """Someone still has to enter the values in Invicti ASPM."""
    SAVED_NOT_SHOWN = "saved-not-shown", 8
    """You marked the values as saved, but Invicti ASPM does not show the tool yet."""
    REGISTRATION_UNKNOWN = "registration-unknown", 8
    """It is unknown whether Invicti ASPM has registered the instance."""
    REGISTRATION_PLANNED = "registration-planned", 0
    """Nothing was registered: this was a dry run."""
    INTERRUPTED = "interrupted", 130
    """A person or the system stopped the run."""
    INTERNAL_ERROR = "internal-error", 1
    """A bug in aspm-ado."""
    NOT_ASKED = "not-asked", 0
    """Skipped: an earlier check decides."""
    NOT_WANTED = "not-wanted", 0
    """Not requested."""
    NOT_PROVABLE = "not-provable", 0
    """Verified as far as the API allows."""
    READ_ONLY_PROBES = "read-only-probes", 0
    """Only read requests were allowed. They cannot verify this level."""
    FORMAT_UNUSUAL = "format-unusual", 0
    """The token has no known format of Azure DevOps."""
    EXPIRY_UNKNOWN = "expiry-unknown", 0
    """The expiry date is unknown: no service reports it, and nobody entered it."""
    EXPIRY_NEAR = "expiry-near", 0
    """The token expires soon."""
    EXPIRY_PASSED = "expiry-passed", 0
    """The expiry date has passed, but the service still accepts the token."""
    NO_REPOSITORY = "no-repository", 0
    """There is no enabled repository to try."""
    NO_USERNAME = "no-username", 0
    """There is no known username to try."""
    NO_ASPM_TOKEN = "no-aspm-token", 0
    """No API token of Invicti ASPM was passed. A guided handoff needs none."""
    NOTHING_KEPT = "nothing-kept", 0
    """Nothing is stored, as requested."""


NEVER_SENT: Final = frozenset(
    {
        Reason.NAME_UNRESOLVED,
        Reason.TLS_UNTRUSTED,
        Reason.TLS_WRONG_HOST,
        Reason.TLS_EXPIRED,
        Reason.TLS_FAILED,
        Reason.PROXY_FAILED,
    }
)
"""Failures before the first byte of a request reaches its host: it had no effect."""


class UserError(Exception):
    """A failure that somebody can fix. ``problem`` and ``remedy`` contain no secrets."""

    def __init__(self, reason: Reason, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.reason, self.problem, self.remedy = reason, problem, remedy

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the reason."""
        return self.reason.exit_code


class UsageError(UserError):
    """The command line is not valid or lacks a value (exit 2)."""


class NotCreatedError(UserError):
    """Azure DevOps created no token. The person can create it by hand (exit 2, 3 or 5)."""


class StoreError(UserError):
    """The keyring or the configuration is unusable (exit 7)."""


class DamagedRecordsError(StoreError):
    """The configuration is damaged. ``connect`` can set it aside."""


class InterruptedByUserError(UserError):
    """Ctrl-C, Ctrl-D, SIGTERM or SIGHUP (exit 130)."""


class HandoffInterruptedError(InterruptedByUserError):
    """An interrupt in the handoff of a stored connection (exit 130)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error says, for the document."""

    reason: Reason
    problem: str
    remedy: str

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """The problem of an error."""
        return cls(error.reason, error.problem, error.remedy)


def bug_words(error: BaseException) -> str:
    """Describe a bug: its type, and an id of where it happened. Never a value."""
    import hashlib
    import traceback

    frames = [
        f"{frame.filename.rpartition('aspm_ado')[2]}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    kind = type(error).__name__
    where = " ".join(frames)
    mark = hashlib.sha256(f"{kind} {where}".encode()).hexdigest()[:8]
    place = kind
    if frames:
        place += f" at {frames[-1].lstrip('/').lstrip(chr(92))}"
    return f"A bug in aspm-ado: {place} (id {mark})."


BUG_REMEDY: Final = "Report this id and the command that you ran. The id contains no secret."


class Status(StrEnum):
    """How a check ended (contract: The report)."""

    PASS = "pass"  # noqa: S105  (a word of the report, no password)
    PARTIAL = "partial"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class Verdict(StrEnum):
    """The exit code as a word."""

    READY = "ready"
    READY_WITH_WARNINGS = "ready-with-warnings"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


_UNKNOWN: Final = frozenset(
    {ExitCode.BUG, ExitCode.USAGE, ExitCode.COULD_NOT_FIND_OUT, ExitCode.INTERRUPTED}
)


def verdict_of(code: ExitCode, *, warned: bool = False) -> Verdict:
    """The word for an exit code in the contract's table."""
    if code is ExitCode.STEP_REMAINS or (code is ExitCode.DONE and warned):
        return Verdict.READY_WITH_WARNINGS
    if code is ExitCode.DONE:
        return Verdict.READY
    if code in _UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.NOT_READY

"""The public words: exit codes, check ids with titles, reasons with who can act."""

from __future__ import annotations

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
    """Why something is not simply good. docs/reasons.md is made from the text below each.

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
    """The command line cannot be understood."""
    INPUT_MISSING = "input-missing", 2
    """A required value is missing, and prompts are unavailable."""
    INPUT_INVALID = "input-invalid", 2
    """A value was refused before any request."""
    URL_INVALID = "url-invalid", 2
    """An address cannot be understood, or does not belong to what it was given for."""
    HTTP_REFUSED = "http-refused", 2
    """An address without TLS was given where a secret would travel in clear."""
    SECRET_AS_VALUE = "secret-as-value", 2
    """A token stands where a name, a file or a URL is meant."""
    VARIABLE_NOT_EXPANDED = "variable-not-expanded", 2
    """A value is a literal `$(NAME)`: the pipeline variable was not expanded."""
    TOKEN_UNCHANGED = "token-unchanged", 2
    """The new token is the very one that it is to replace."""
    TOKEN_EMPTY = "token-empty", 2
    """The source of the token holds nothing."""
    TOKEN_MALFORMED = "token-malformed", 2
    """The token holds a character that no token has; its position is named, never its content."""
    TOKEN_IS_ENTRA = "token-is-entra", 2
    """An Entra access token (`eyJ…`) was given in place of a personal access token."""
    TOKEN_COMMAND_FAILED = "token-command-failed", 2
    """The command for the token cannot run, fails, or prints something else than one token."""
    FILE_UNREADABLE = "file-unreadable", 2
    """A named file cannot be read or written."""
    FILE_NOT_PRIVATE = "file-not-private", 2
    """A file with a secret can be read by other users of this machine."""
    NOTHING_STORED = "nothing-stored", 2
    """There is no such connection, or none at all."""
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
    """The token reaches one organization; Invicti asks for all accessible organizations."""
    REACH_GLOBAL_ENDS = "reach-global-ends", 0
    """The token reaches all organizations; Microsoft stops such tokens on the day named."""
    REACH_GLOBAL_OUTLIVED = "reach-global-outlived", 0
    """The day has passed and the token still answers in all organizations."""
    REACH_AFTER_END = "reach-after-end", 0
    """One organization is all a token can reach now, while Invicti's written guide still asks for
    all."""
    REACH_TOO_WIDE = "reach-too-wide", 3, Who.OWNER
    """The new token reaches all organizations, where one of this organization alone is wanted."""
    NOT_MIGRATED = "not-migrated", 8
    """The organization was chosen to get a token of its own, and has none yet."""
    REACH_UNKNOWN = "reach-unknown", 5, Who.OWNER
    """The reach of the token is unknown."""
    ORGANIZATIONS_NOT_LISTED = "organizations-not-listed", 3, Who.OWNER
    """The organizations that the token reaches could not be listed."""
    NOT_A_MEMBER = "not-a-member", 3, Who.ADMINISTRATOR
    """The token is alive, but its owner has no access to this organization."""
    NEVER_SIGNED_IN = "never-signed-in", 3, Who.OWNER
    """The token's owner has never signed in to this organization."""
    ORGANIZATION_ABSENT = "organization-absent", 3, Who.ASKER
    """There is no organization or collection of this name."""
    ORGANIZATION_DEACTIVATED = "organization-deactivated", 3, Who.ADMINISTRATOR
    """The organization or collection has been switched off."""
    ORGANIZATION_REFUSES_TOKEN = "organization-refuses-token", 3, Who.ADMINISTRATOR
    """The token is alive, but this organization refuses it: no membership, or a token policy."""
    CLONE_FAILED = "clone-failed", 3, Who.ADMINISTRATOR
    """The repository could not be read in any way although Code is granted."""
    CLONE_NEEDS_USERNAME = "clone-needs-username", 0
    """The repository can be read with a username beside the token only."""
    CLONE_USERNAME_FAILED = "clone-username-failed", 0
    """The token alone reads the repository, but not with this username."""
    CLONE_NEEDS_HEADER = "clone-needs-header", 0
    """The server offers Windows sign-in too; git may fail with `https://user:TOKEN@…` there."""
    REPOSITORY_DISABLED = "repository-disabled", 3, Who.ADMINISTRATOR
    """The repository named for the clone check is disabled."""
    REPOSITORY_ABSENT = "repository-absent", 3, Who.ASKER
    """The repository named for the clone check does not exist or cannot be seen."""
    OTHER_IDENTITY = "other-identity", 3, Who.OWNER
    """The new token belongs to another person than the one it is to replace."""
    WARNING_REFUSED = "warning-refused", 3, Who.OWNER
    """A warning that counts as a failure, as asked with --fail-on-warning."""
    DECLINED = "declined", 2
    """A person said no to the plan, or to a confirmation."""
    CONFIRMATION_MISSING = "confirmation-missing", 2
    """A step that cannot be taken back needs a yes, or -y."""
    CREATION_FORBIDDEN = "creation-forbidden", 3, Who.ADMINISTRATOR
    """A policy of the organization or its tenant forbids this token."""
    CREATION_NOT_ALLOWED = "creation-not-allowed", 3, Who.ADMINISTRATOR
    """Whoever is signed in with `az` may not create tokens there."""
    CREATION_NOT_POSSIBLE = "creation-not-possible", 3, Who.SERVICE
    """Tokens cannot be created there by a program at all."""
    CREATION_REFUSED = "creation-refused", 3, Who.SERVICE
    """Azure DevOps refused what was asked of a new token: name, scopes, dates."""
    OTHER_TENANT = "other-tenant", 3, Who.MACHINE
    """Whoever is signed in with `az` has no account in the organization's tenant."""
    TOKEN_REJECTED = "token-rejected", 4, Who.OWNER
    """The service does not accept the token."""
    TOKEN_EXPIRED = "token-expired", 4, Who.OWNER
    """The service refuses the token as one that has expired."""
    TOKEN_ANONYMOUS = "token-anonymous", 4, Who.OWNER
    """The service answered as to an anonymous request: it did not accept the token."""
    TOKEN_GONE = "token-gone", 4, Who.MACHINE
    """The stored token is not in the secret store any more."""
    ASPM_TOKEN_REJECTED = "aspm-token-rejected", 4, Who.ASPM
    """Invicti ASPM does not accept its API token."""
    NAME_UNRESOLVED = "name-unresolved", 5, Who.NETWORK
    """The name of a host cannot be resolved."""
    UNREACHABLE = "unreachable", 5, Who.NETWORK
    """No connection to a host."""
    TLS_UNTRUSTED = "tls-untrusted", 5, Who.NETWORK
    """The certificate of a host is not signed by anybody this machine trusts."""
    TLS_WRONG_HOST = "tls-wrong-host", 5, Who.NETWORK
    """The certificate belongs to another host."""
    TLS_EXPIRED = "tls-expired", 5, Who.NETWORK
    """The certificate is not valid today."""
    TLS_FAILED = "tls-failed", 5, Who.NETWORK
    """No TLS connection could be made."""
    PROXY_FAILED = "proxy-failed", 5, Who.NETWORK
    """The proxy did not let us through."""
    TIMED_OUT = "timed-out", 5, Who.NETWORK
    """No whole answer within the time allowed."""
    CLOCK_WRONG = "clock-wrong", 5, Who.MACHINE
    """The clock of this machine is far from that of the service."""
    UNFINISHED = "unfinished", 0
    """An earlier run left work that a later one goes on with."""
    MACHINE_ODD = "machine-odd", 0
    """Something on this machine is not as it should be, and may work all the same."""
    THROTTLED = "throttled", 5, Who.SERVICE
    """The service asks to slow down for longer than we wait."""
    SERVICE_UNAVAILABLE = "service-unavailable", 5, Who.SERVICE
    """The service answered with an error of its own."""
    AZ_ABSENT = "az-absent", 5, Who.MACHINE
    """The Azure CLI (`az`) is not on the PATH."""
    AZ_NOT_SIGNED_IN = "az-not-signed-in", 5, Who.MACHINE
    """Nobody is signed in with `az` to the tenant, or the sign-in has lapsed."""
    AZ_FAILED = "az-failed", 5, Who.MACHINE
    """`az` failed, or did not answer with a token."""
    TENANT_UNKNOWN = "tenant-unknown", 5, Who.SERVICE
    """The Entra tenant of the organization could not be found out."""
    CREATION_FAILED = "creation-failed", 5, Who.SERVICE
    """Azure DevOps could not create the token, or did not say why not."""
    CREATION_UNCERTAIN = "creation-uncertain", 5, Who.SERVICE
    """A token may have been created, but its value did not arrive."""
    ACCESS_FENCED = "access-fenced", 5, Who.ADMINISTRATOR
    """Conditional access or an IP fence refused this machine."""
    NOT_AZURE_DEVOPS = "not-azure-devops", 5, Who.NETWORK
    """Something else answered in place of Azure DevOps: a sign-in portal, a proxy, a web server."""
    SERVER_SIGN_IN_SETUP = "server-sign-in-setup", 5, Who.ADMINISTRATOR
    """The web server in front of Azure DevOps Server refuses, or signs in whoever asks, before it
    passes the token on."""
    ANSWER_UNREADABLE = "answer-unreadable", 5, Who.NETWORK
    """The answer was cut, too large or not what the service documents."""
    ANSWERS_CONTRADICT = "answers-contradict", 5, Who.SERVICE
    """Answers contradict each other: a lower level refused, a higher one granted."""
    SCOPE_UNKNOWN = "scope-unknown", 5, Who.SERVICE
    """No answer shows whether the scope is there."""
    PERMISSION_UNCLEAR = "permission-unclear", 5, Who.ADMINISTRATOR
    """The service denied access to the person, not to the scope; the scope cannot be told."""
    ASPM_FORBIDDEN = "aspm-forbidden", 6, Who.ASPM
    """Invicti ASPM knows the token but does not allow this."""
    ASPM_NOT_AN_API = "aspm-not-an-api", 6, Who.ASPM_ADDRESS
    """What answered at the ASPM address is not its API."""
    ASPM_REFUSED = "aspm-refused", 6, Who.ASPM
    """Invicti ASPM refused the values of the hand-off or registration."""
    REGISTRATION_CONFLICT = "registration-conflict", 6, Who.ASPM_INTEGRATIONS
    """Invicti ASPM has an instance for the organization already, which this program did not
    make."""
    THREADS_EXHAUSTED = "threads-exhausted", 5, Who.MACHINE
    """This machine starts no more threads."""
    KEYRING_ABSENT = "keyring-absent", 7, Who.MACHINE
    """This session has no secret store."""
    KEYRING_LOCKED = "keyring-locked", 7, Who.MACHINE
    """The secret store is locked."""
    KEYRING_SILENT = "keyring-silent", 7, Who.MACHINE
    """The secret store did not answer in time."""
    KEYRING_NOT_TRUSTED = "keyring-not-trusted", 7, Who.MACHINE
    """The secret store chosen for this session is not one that keeps secrets safe."""
    KEYRING_FAILED = "keyring-failed", 7, Who.MACHINE
    """The secret store failed, or did not give back what it was given."""
    SECRET_TOO_LARGE = "secret-too-large", 7, Who.MACHINE
    """The secret is larger than this secret store takes."""
    RECORDS_LOCKED = "records-locked", 7, Who.MACHINE
    """Another aspm-ado process uses the configuration."""
    RECORDS_UNREADABLE = "records-unreadable", 7, Who.MACHINE
    """Our records cannot be read or written, or are damaged."""
    RECORDS_NEWER = "records-newer", 7, Who.MACHINE
    """Our records were written by a newer version."""
    REPORT_UNWRITTEN = "report-unwritten", 7, Who.MACHINE
    """The run ended, and a file of `--report` could not be written."""
    HANDED_OFF = "handed-off", 8
    """A person still has to enter the values in Invicti ASPM."""
    SAVED_NOT_SHOWN = "saved-not-shown", 8
    """A person said “saved”, and Invicti ASPM does not show the tool yet."""
    REGISTRATION_UNKNOWN = "registration-unknown", 8
    """Whether Invicti ASPM has registered the instance could not be found out."""
    REGISTRATION_PLANNED = "registration-planned", 0
    """Nothing was registered: this was a rehearsal."""
    INTERRUPTED = "interrupted", 130
    """A person or the system stopped the run."""
    INTERNAL_ERROR = "internal-error", 1
    """A bug of ours."""
    NOT_ASKED = "not-asked", 0
    """Skipped: an earlier check decides."""
    NOT_WANTED = "not-wanted", 0
    """Not requested."""
    NOT_PROVABLE = "not-provable", 0
    """Verified as far as the API allows."""
    READ_ONLY_PROBES = "read-only-probes", 0
    """Only reading requests were allowed; they cannot prove this level."""
    FORMAT_UNUSUAL = "format-unusual", 0
    """The token has none of the shapes that Azure DevOps is known to give."""
    EXPIRY_UNKNOWN = "expiry-unknown", 0
    """No service tells when a token ends, and nobody said."""
    EXPIRY_NEAR = "expiry-near", 0
    """The token ends soon."""
    EXPIRY_PASSED = "expiry-passed", 0
    """The date given has passed, and the service still accepts the token."""
    NO_REPOSITORY = "no-repository", 0
    """No enabled repository was found to try."""
    NO_USERNAME = "no-username", 0
    """No username is known to try."""
    NO_ASPM_TOKEN = "no-aspm-token", 0
    """No ASPM API token was given; a guided hand-off needs none."""
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

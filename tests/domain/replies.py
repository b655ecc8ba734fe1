"""Answers of Azure DevOps by what they say (facts: decision tables), for the tables of tests."""

from __future__ import annotations

from datetime import date

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES, Place, Site
from aspm_ado.domain.azure.retirement import Calendar, DaySource
from aspm_ado.domain.documents import ANONYMOUS_ID, ConnectionData, Identity, Names, UserProfile
from aspm_ado.domain.http import Call, Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.simulator.samples import ADA

ME = Identity(ADA.id, ADA.name, ADA.mail)
NOBODY = Identity(ANONYMOUS_ID, "Anonymous")
CONTOSO = SERVICES.place("Contoso")
SERVER = Site(Deployment.SERVER, "https://tfs.example.test/tfs")
COLLECTION = SERVER.place("DefaultCollection")
CALL = Call("GET", "https://dev.azure.com/Contoso/_apis/connectionData?api-version=7.1-preview.1")
TODAY = Calendar(date(2026, 10, 15), DaySource.SERVER)

MARKS = (("ActivityId", "5f0a2b8e-0000-4000-8000-000000000001"), ("X-TFS-ProcessId", "1b2c3d4e"))
USER = (("X-VSS-UserData", f"{ME.id}:{ME.account}"),)
JSON = (("Content-Type", "application/json; charset=utf-8; api-version=7.1"),)
HTML = (("Content-Type", "text/html; charset=utf-8"),)
BASIC = (("WWW-Authenticate", 'Basic realm="https://tfsprodsin1.app.visualstudio.com/"'),)

PAGE = "<!DOCTYPE html><title>Sign in</title>"
TF400813 = '{"$id":"1","message":"TF400813: The user \'t\\\\ada\' is not authorized to access this resource."}'
NO_ANONYMOUS = '{"message":"TF400813: Resource not available for anonymous access. Client authentication required."}'
EXPIRED = '{"message":"Access Denied: The Personal Access Token used has expired.","typeKey":"AccessCheckException"}'
NEVER_SIGNED_IN = '{"message":"…","typeKey":"AadUserStateException"}'
OUT_OF_RANGE = '{"message":"Die Version ist außerhalb.","typeKey":"VssVersionOutOfRangeException"}'
DOCUMENT = '{"message":"TF401019: …","typeKey":"GitRepositoryNotFoundException"}'
NO_ROUTE = "The controller for path '/Contoso/_apis/favorite/favorites' was not found or is no IController."
STOPPED = '\ufeff{"message":"TF24668: The following team project collection is stopped: Contoso."}'
STOPPED_BECAUSE = '\ufeff{"message":"TF24668: The following team project collection is stopped: Contoso. Administrator Reason: It wasn\\u0027t used\\u001b[31m for {a year}."}'
FENCED = '{"message":"VS403463: The conditional access policy defined by your administrator has failed."}'


def reply(
    status: int, text: str = "", *headers: tuple[tuple[str, str], ...], answer: object = None
) -> Reply:
    """An answer with exactly these headers."""
    return Reply(CALL, status, sum(headers, ()), text, answer)  # type: ignore[arg-type]


def silence(reason: Reason = Reason.TIMED_OUT) -> Reply:
    """No answer."""
    return Reply(
        CALL, failure=reason, problem="dev.azure.com did not answer in time.", remedy="Try again."
    )


def connection_data(identity: Identity = ME) -> Reply:
    return reply(
        200, "{}", MARKS, JSON, () if identity is NOBODY else USER, answer=ConnectionData(identity)
    )


def profile(identity: Identity = ME) -> Reply:
    return reply(200, "{}", MARKS, JSON, USER, answer=UserProfile(identity))


def names(*found: str) -> Reply:
    return reply(200, "{}", MARKS, JSON, USER, answer=Names(found))


def granted(status: int = 404, text: str = DOCUMENT) -> Reply:
    return reply(status, text, MARKS, JSON, USER)


def missing() -> Reply:
    """A good token that lacks the scope: empty, no Content-Type, no X-VSS-UserData."""
    return reply(401, "", MARKS, BASIC)


bare = missing
"""A token that nobody accepts looks exactly like a missing scope."""


def place_of(deployment: Deployment) -> Place:
    return CONTOSO if deployment is Deployment.SERVICES else COLLECTION

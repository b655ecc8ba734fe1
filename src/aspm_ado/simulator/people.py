"""People as Azure DevOps shows them: identities, the profile, graph users, user entitlements and favorites."""

from __future__ import annotations

import base64

from aspm_ado.simulator.answers import items, no_content, success, webapi_error
from aspm_ado.simulator.exchange import Answer
from aspm_ado.simulator.routes import Area, Call, Place, Route
from aspm_ado.simulator.world import Person, stable_id


def short_identity(person: Person, place: Place) -> dict[str, object]:
    """Return the identity as connectionData shows it; Entra, Microsoft account and Windows differ (D.9, D.15)."""
    kind, account, descriptor = _descriptor(person, place)
    encoded = base64.b64encode(person.id.encode()).decode().rstrip("=")
    return {
        "id": person.id,
        "descriptor": descriptor,
        "subjectDescriptor": f"{kind}.{encoded}",
        "providerDisplayName": account if kind == "win" else person.name,
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": account}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


def account_of(person: Person, *, on_server: bool) -> str:
    """Return the account name: the mail on Services, LOCAL\\user on Server (D.15)."""
    return person.login or person.name if on_server else person.mail


def _descriptor(person: Person, place: Place) -> tuple[str, str, str]:
    account = account_of(person, on_server=place.edition is not None)
    if place.edition is not None:
        return (
            "win",
            account,
            "System.Security.Principal.WindowsIdentity;S-1-5-21-1004336348-1177238915-682003330-1001",
        )
    claims = "Microsoft.IdentityModel.Claims.ClaimsIdentity;"
    if person.tenant is None:
        return "msa", account, f"{claims}{person.id.replace('-', '')[:16].upper()}@Live.com"
    return "aad", account, f"{claims}{person.tenant}\\{person.mail}"


def full_identity(person: Person, place: Place) -> dict[str, object]:
    """Return the identity as the identities resource shows it."""
    texts = {
        "SchemaClassName": "User",
        "Description": "",
        "Domain": person.tenant or ("LOCAL" if place.edition else "Windows Live ID"),
        "Account": account_of(person, on_server=place.edition is not None),
        "DN": "",
        "Mail": person.mail,
        "SpecialType": "Generic",
    }
    properties = {
        name: {"$type": "System.String", "$value": value} for name, value in texts.items()
    }
    return short_identity(person, place) | {
        "members": [],
        "memberOf": [],
        "memberIds": [],
        "properties": properties,
    }


def identities(call: Call) -> Answer:
    """Read identities by id or by a search text; what is unknown is simply absent from the list."""
    query = call.request.query
    ids = {one.strip().lower() for one in query.get("identityids", "").split(",") if one.strip()}
    text = query.get("filtervalue", "").casefold()
    found = [
        person
        for person in call.place.organization.members
        if person.id in ids or (text and text in f"{person.mail} {person.name}".casefold())
    ]
    return items([full_identity(person, call.place) for person in found], call.version)


def profile_body(person: Person) -> dict[str, object]:
    """Return the profile; its time has seven digits and an offset, unlike any other (D.8)."""
    return {
        "displayName": person.name,
        "publicAlias": person.id,
        "emailAddress": person.mail,
        "coreRevision": 412345678,
        "timeStamp": "2026-05-06T08:09:10.1234567+00:00",
        "id": person.id,
        "revision": 412345678,
    }


def profile(call: Call) -> Answer:
    """Read one's own profile: above all organizations, and at an organization's identity host ([unconfirmed], §2)."""
    person = call.caller.person
    if person is None:
        raise LookupError("no stranger is let through to a profile")
    return success(profile_body(person), call.version)


def accounts(call: Call) -> Answer:
    """List the organizations of a person, unpaged; accountUri has the wrong host and a port, as the real one (D.8)."""
    token = call.caller.token
    if token is None or call.request.query.get("memberid", "").lower() != token.owner.id:
        message = "You must specify either the memberId or the ownerId of the calling user."
        return webapi_error(400, message, "VssPropertyValidationException")
    listed: list[object] = [
        {
            "accountId": one.id,
            "accountUri": f"https://vssps.dev.azure.com:443/{one.name}/",
            "accountName": one.name,
            "properties": {},
        }
        for one in call.world.organizations
        if token.owner in one.members
    ]
    return items(listed, call.version)


def graph_users(call: Call) -> Answer:
    """List the members as graph subjects."""
    users = [
        {
            "subjectKind": "user",
            "domain": person.tenant or "Windows Live ID",
            "principalName": person.mail,
            "mailAddress": person.mail,
            "origin": "aad" if person.tenant else "msa",
            "originId": stable_id("origin", person.mail),
            "displayName": person.name,
            "descriptor": short_identity(person, call.place)["subjectDescriptor"],
        }
        for person in call.place.organization.members
    ]
    return items(list(users), call.version)


def entitlements(call: Call) -> Answer:
    """List the members with their access level."""
    members = [
        {
            "id": person.id,
            "user": {"displayName": person.name, "mailAddress": person.mail},
            "extensions": [],
        }
        for person in call.place.organization.members
    ]
    return success(
        {"members": members, "continuationToken": None, "totalCount": len(members)}, call.version
    )


def forget_favorite(call: Call) -> Answer:
    """Delete a favorite: 204, as the published example; that an unknown id gets 204 too is [unconfirmed] (§3b)."""
    if call.values["favorite"].lower() in call.place.organization.favorites:
        call.note_change(f"favorite {call.values['favorite']} deleted")
    return no_content()


_PROFILE = frozenset({"vso.profile"})
ROUTES = (
    Route(
        "GET",
        "identities",
        frozenset({"vso.identity"}),
        identities,
        area=Area.IDENTITY,
        server_since="6.0",
    ),
    Route(
        "GET",
        "profile/profiles/me",
        _PROFILE,
        profile,
        area=Area.IDENTITY,
        resource=3,
        server_since=None,
    ),
    Route(
        "GET",
        "profile/profiles/me",
        _PROFILE,
        profile,
        area=Area.ACCOUNT,
        resource=3,
        server_since=None,
    ),
    Route("GET", "accounts", _PROFILE, accounts, area=Area.ACCOUNT, server_since=None),
    Route(
        "GET",
        "graph/users",
        frozenset({"vso.graph"}),
        graph_users,
        area=Area.IDENTITY,
        released=False,
        server_since=None,
    ),
    Route(
        "GET",
        "userentitlements",
        frozenset({"vso.memberentitlementmanagement"}),
        entitlements,
        area=Area.ENTITLEMENT,
        resource=3,
        released=False,
        server_since=None,
    ),
    Route(
        "DELETE",
        "favorite/favorites/{favorite}",
        frozenset({"vso.profile_write"}),
        forget_favorite,
        released=False,
        server_since="7.1",
    ),
)

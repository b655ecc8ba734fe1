"""What a careful client never sends: each rule of the facts that a request alone can break."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote
from uuid import UUID

from .ledger import Ledger, Request
from .world import World

SERVICES: Final = frozenset(
    {"dev.azure.com", "vssps.dev.azure.com", "app.vssps.visualstudio.com", "vsaex.dev.azure.com"}
)
NO_SUCH_WORK_ITEM: Final = "2147483647"


@dataclass(frozen=True)
class WriteProbe:
    """A write that the facts allow: it can match nothing, so a granted one changes nothing."""

    method: str
    pattern: str
    body: object = None
    content_type: str | None = None
    query: dict[str, str] = field(default_factory=dict)


WRITE_PROBES: Final = (
    WriteProbe("POST", r"git/repositories/(?P<target>[^/]+)/refs", [], "application/json"),
    WriteProbe("PATCH", r"git/repositories/(?P<target>[^/]+)", {}, "application/json"),
    WriteProbe(
        "PATCH",
        r"wit/workitems/(?P<target>[^/]+)",
        [{"op": "test", "path": "/rev", "value": 1}],
        "application/json-patch+json",
        {"validateonly": "true"},
    ),
    WriteProbe("DELETE", r"wit/attachments/(?P<target>[^/]+)"),
    WriteProbe(
        "DELETE",
        r"favorite/favorites/(?P<target>[^/]+)",
        query={
            "artifacttype": "Microsoft.TeamFoundation.Build.Definition",
            "artifactscopetype": "Project",
        },
    ),
    WriteProbe("PATCH", r"projects/(?P<target>[^/]+)", {}, "application/json"),
    WriteProbe("POST", r"projects/(?P<target>[^/]+)/teams", {}, "application/json"),
)


def credentials(request: Request) -> tuple[str, str] | None:
    """User and password of a canonical Basic header; None where there is no such thing."""
    scheme, _, payload = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        plain = base64.b64decode(payload, validate=True)
        user, colon, password = plain.decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (
        (user, password) if colon and base64.b64encode(plain).decode("ascii") == payload else None
    )


def disguises(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may hide in text, wherever it stands within the encoded bytes."""
    plain = secret.encode("utf-8")
    forms = [secret, quote(secret, safe="")]
    for before, head in ((b"", 0), (b"x", 2), (b"xx", 3)):
        whole = before + plain
        encoded = base64.b64encode(whole[: len(whole) // 3 * 3]).decode("ascii")[head:]
        forms += [encoded, encoded.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(forms))


def broken_rules(request: Request, ledger: Ledger, world: World) -> Iterator[str]:
    """Each rule that this request breaks, in words."""
    if request.method == "HEAD":
        yield "HEAD proves nothing and is never sent"
    if request.all("Cookie"):
        yield "a cookie was sent back"
    if request.all("Proxy-Authorization"):
        yield "the proxy's credentials were sent to an origin"
    yield from _secrets_out_of_place(request, ledger, world)
    azure = request.host in SERVICES or world.server(request.host) is not None
    if azure:
        yield from _azure_manners(request, ledger, world)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        yield from _write(request, ledger, world) if azure else ("a write that nobody asked for",)


def _azure_manners(request: Request, ledger: Ledger, world: World) -> Iterator[str]:
    if (request.header("X-TFS-FedAuthRedirect") or "").lower() != "suppress":
        yield "X-TFS-FedAuthRedirect: Suppress is missing"
    if request.all("X-VSS-ForceMsaPassThrough"):
        yield "X-VSS-ForceMsaPassThrough may route to another account"
    git = "/_git/" in request.path
    if not git and not (request.header("User-Agent") or "").startswith("aspm-ado/"):
        yield "the client does not say who it is"
    if git and not request.target.endswith("/info/refs?service=git-upload-pack"):
        yield "reading is proven by git-upload-pack alone"
    if len(request.all("Authorization")) > 1:
        yield "more than one Authorization header"
    if not request.all("Authorization"):
        return
    pair = credentials(request)
    if pair is None:
        yield "Authorization is not canonical Basic"
        return
    user, secret = pair
    given = ledger.given
    pat = given.pats.get(secret)
    if pat is not None:
        names = {"", given.clone_username or pat.owner.account} if git else {""}
        if user not in names:
            yield f"a user name that nobody gave ({user!r})"
        only_for = given.only_for.get(secret)
        place = _organization(request, world)
        if only_for and place and place.lower() != only_for.lower():
            yield f"the token of {only_for} was sent to {place}"
    elif world.server(request.host) is None:
        yield "a token that nobody gave"
    elif not ledger.fresh(secret):
        yield "the random token of the control request was seen in an earlier run"


def _organization(request: Request, world: World) -> str | None:
    """The organization or collection that the address names, if it names one."""
    server = world.server(request.host)
    path = request.path.removeprefix(server.virtual_directory) if server else request.path
    first = path.strip("/").split("/")[0]
    return (
        first
        if first and first != "_apis" and request.host != "app.vssps.visualstudio.com"
        else None
    )


def _secrets_out_of_place(request: Request, ledger: Ledger, world: World) -> Iterator[str]:
    given = ledger.given
    pair = credentials(request)
    for secret in given.secrets():
        pat = given.pats.get(secret)
        forms = disguises(secret)
        if any(form in request.target for form in forms):
            yield "a secret in a URL"
        if any(form.encode("ascii") in request.body for form in forms):
            yield "a secret in a body"
        at_home = pat is not None and (
            request.host in SERVICES
            if pat.home == "services"
            else world.server(request.host) is not None
        )
        if pair and pair[1] == secret and not at_home:
            yield "a secret at a host where it does not belong"
        for name, value in request.headers:
            own = (
                name.lower() == "authorization"
                if at_home
                else _is_aspm_header(request, name, secret, ledger)
            )
            if not own and any(form in value for form in forms):
                yield f"a secret in the header {name}"


def _is_aspm_header(request: Request, name: str, secret: str, ledger: Ledger) -> bool:
    return (
        request.host == "aspm.corp.example"
        and name.lower() in ("x-cookie", "x-auth")
        and secret == ledger.given.aspm_token
    )


def _write(request: Request, ledger: Ledger, world: World) -> Iterator[str]:
    prefix, _, rest = request.path.partition("/_apis/")
    server = world.server(request.host)
    base = server.virtual_directory if server else ""
    probe, target = _documented(request.method, rest)
    if (
        probe is None
        or prefix.removeprefix(base).count("/") != 1
        or (not server and request.host != "dev.azure.com")
    ):
        yield "a write that is no documented probe"
        return
    pattern_is_work_item = "workitems" in probe.pattern
    if pattern_is_work_item and target != NO_SUCH_WORK_ITEM:
        yield "a write to a work item that may exist"
    if not pattern_is_work_item:
        yield from _target(target, ledger, world)
    if "favorites" in probe.pattern:
        yield from _target(request.query.get("artifactscopeid", ""), ledger, world)
    for name, value in probe.query.items():
        if request.query.get(name) != value:
            yield f"the write probe lacks {name}={value}"
    if "api-version" not in request.query and "api-version" not in (request.header("Accept") or ""):
        yield "a write without an api-version"
    yield from _body(request, probe)
    for other in ledger.requests:
        alike = (other.host, credentials(other)) == (
            request.host,
            credentials(request),
        ) and other.number < request.number
        before, _, tail = other.path.partition("/_apis/")
        if (
            alike
            and before.lower() == prefix.lower()
            and _documented(other.method, tail)[0] is probe
        ):
            yield "a write was sent twice"


def _documented(method: str, rest: str) -> tuple[WriteProbe | None, str]:
    for probe in WRITE_PROBES:
        found = re.fullmatch(probe.pattern, rest, re.IGNORECASE)
        if found and probe.method == method:
            return probe, found["target"]
    return None, ""


def _target(target: str, ledger: Ledger, world: World) -> Iterator[str]:
    try:
        random = str(UUID(target)) == target.lower() and UUID(target).version == 4
    except ValueError:
        random = False
    if not random:
        yield f"the target of a write is no random UUID ({target!r})"
    elif target.lower() in world.everything():
        yield "the target of a write exists"
    elif not ledger.fresh(target):
        yield "the target of a write was used in an earlier run"


def _body(request: Request, probe: WriteProbe) -> Iterator[str]:
    if probe.body is None:
        if request.body:
            yield "a body where none belongs"
        return
    try:
        body = json.loads(request.body)
    except ValueError:
        body = NotImplemented
    if body != probe.body:
        yield f"an unexpected body {request.body!r}"
    if (request.header("Content-Type") or "").partition(";")[0].strip() != probe.content_type:
        yield f"a body of type {request.header('Content-Type')!r}"

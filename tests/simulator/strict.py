"""The simulator in strict mode: it writes down what a careful client never sends."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from aspm_ado.simulator import Simulator, aspm, azure_devops, git, pat_lifecycle
from aspm_ado.simulator.http import Request, Response
from aspm_ado.simulator.responses import PORTAL_HOST, SIGN_IN_HOST
from aspm_ado.simulator.world import Aspm, World

from .monitor import Monitor, Observed

NO_SUCH_WORK_ITEM: Final = "2147483647"
_REDIRECT_HOSTS: Final = (SIGN_IN_HOST, PORTAL_HOST)


@dataclass(frozen=True)
class WriteProbe:
    """A write that the facts allow: it can match nothing, so a granted one changes nothing."""

    method: str
    pattern: str
    body: object = None
    content_type: str | None = None
    query: dict[str, str] = field(default_factory=dict)


_EMPTY_OBJECT: Final[dict[str, object]] = {}
WRITE_PROBES: Final = (
    WriteProbe("POST", r"git/repositories/(?P<target>[^/]+)/refs", [], "application/json"),
    WriteProbe("PATCH", r"git/repositories/(?P<target>[^/]+)", _EMPTY_OBJECT, "application/json"),
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
    WriteProbe("PATCH", r"projects/(?P<target>[^/]+)", _EMPTY_OBJECT, "application/json"),
    WriteProbe("POST", r"projects/(?P<target>[^/]+)/teams", _EMPTY_OBJECT, "application/json"),
)


class StrictSimulator(Simulator):
    """A simulator whose monitor keeps whole requests, and every rule that one breaks."""

    def __init__(self, *given: Any, monitor: Monitor | None = None, **more: Any) -> None:
        super().__init__(*given, **more)
        self.monitor = monitor or Monitor()

    def receive(self, request: Request) -> Response:
        monitor = self.monitor
        observed = monitor.observe(request)
        for rule in broken_rules(observed, monitor, self.world):
            monitor.violated(rule, observed)
        response = super().receive(request)
        observed.status = response.status
        observed.activity_id = response.header("ActivityId") or ""
        return response

    def handshake_failed(self, reason: str) -> None:
        self.monitor.handshake_failed(reason)


@cache
def disguises(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may hide in text, wherever it stands in encoded bytes."""
    plain = secret.encode("utf-8")
    forms = [secret, quote(secret, safe="")]
    for before, skipped in ((b"", 0), (b"x", 2), (b"xx", 3)):
        whole = before + plain
        encoded = base64.b64encode(whole[: len(whole) // 3 * 3]).decode("ascii")[skipped:]
        forms += [encoded, encoded.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(forms))


def broken_rules(observed: Observed, monitor: Monitor, world: World) -> Iterator[str]:
    """Each rule that this request breaks, in words."""
    request = observed.request
    if request.host in _REDIRECT_HOSTS:
        yield "a redirect was followed"
    if request.method == "HEAD":
        yield "HEAD proves nothing and is never sent"
    if request.all("Cookie"):
        yield "a cookie was sent back"
    if request.all("Proxy-Authorization"):
        yield "the proxy's credentials were sent to an origin"
    if not (request.header("User-Agent") or "").startswith("aspm-ado/") and not _is_git(request):
        yield "the client does not say who it is"
    yield from _secrets_out_of_place(observed, monitor, world)
    if _is_azure(request, world):
        if not pat_lifecycle.is_for(request):
            yield from _azure_devops(observed, monitor, world)
    elif world.aspm is not None and request.host == world.aspm.host:
        yield from _aspm(observed, monitor, world.aspm)
    else:
        yield "a host that this world does not have"


def _is_azure(request: Request, world: World) -> bool:
    on_server = world.server is not None and request.host == world.server.host
    return on_server or request.host in azure_devops.HOSTS


def _is_git(request: Request) -> bool:
    return git.is_advertisement(request.segments[-5:])


# Azure DevOps


def _azure_devops(observed: Observed, monitor: Monitor, world: World) -> Iterator[str]:
    request = observed.request
    if (request.header("X-TFS-FedAuthRedirect") or "").lower() != "suppress":
        yield "X-TFS-FedAuthRedirect: Suppress is missing"
    if request.all("X-VSS-ForceMsaPassThrough"):
        yield "X-VSS-ForceMsaPassThrough may route to another account"
    if "_git" in request.segments and not request.target.endswith(
        "/info/refs?service=git-upload-pack"
    ):
        yield "reading is proven by git-upload-pack alone"
    if len(request.all("Authorization")) > 1:
        yield "more than one Authorization header"
    if request.all("Authorization"):
        yield from _sign_in(request, monitor, world)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        yield from _write(observed, monitor, world)


def _sign_in(request: Request, monitor: Monitor, world: World) -> Iterator[str]:
    if request.credentials is None:
        yield "Authorization is not canonical Basic"
        return
    user, secret = request.credentials
    token = monitor.inputs.tokens.get(secret)
    if token is None:
        if request.host in azure_devops.HOSTS:
            yield "a token that nobody gave"
        elif not monitor.is_new(secret):
            yield "the random token of the control request was seen in an earlier run"
        return
    names = {""}
    if _is_git(request):
        account = token.owner.account(on_server=token.home == "server")
        names.add(monitor.inputs.clone_username or account)
    if user not in names:
        yield f"a user name that nobody gave ({user!r})"
    only_for = monitor.inputs.only_for.get(secret)
    place = _organization(request, world)
    if only_for and place and place.casefold() != only_for.casefold():
        yield f"the token of {only_for} was sent to {place}"


def _organization(request: Request, world: World) -> str | None:
    """The organization or collection that the address names, if it names one."""
    parts = request.segments
    if world.server is not None and request.host == world.server.host:
        directory = [part for part in world.server.directory.split("/") if part]
        parts = parts[len(directory) :]
    if not parts or parts[0] == "_apis":
        return None
    return parts[0]


def _secrets_out_of_place(observed: Observed, monitor: Monitor, world: World) -> Iterator[str]:
    request, inputs = observed.request, monitor.inputs
    _, signed_in_with = request.credentials or ("", "")
    written = "\n".join((request.target, request.body.decode("latin-1"), *(value for _, value in request.headers)))  # fmt: skip
    for secret in inputs.secrets:
        forms = disguises(secret)
        if secret != signed_in_with and not any(form in written for form in forms):
            continue
        is_at_home = _is_at_home(secret, request, monitor, world)
        if any(form in request.target for form in forms):
            yield "a secret in a URL"
        in_body = any(form.encode("ascii") in request.body for form in forms)
        if in_body and not _is_first_registration(observed, monitor, world):
            yield "a secret in a body"
        if signed_in_with == secret and not is_at_home:
            yield "a secret at a host where it does not belong"
        for name, value in request.headers:
            own = is_at_home and name.lower() == "authorization"
            if secret == inputs.aspm_token and world.aspm is not None:
                own = request.host == world.aspm.host and name.lower() in ("x-cookie", "x-auth")
            if not own and any(form in value for form in forms):
                yield f"a secret in the header {name}"


def _is_at_home(secret: str, request: Request, monitor: Monitor, world: World) -> bool:
    """Whether a token of Azure DevOps is where it was made."""
    token = monitor.inputs.tokens.get(secret)
    if token is None:
        return False
    if token.home == "services":
        return request.host in azure_devops.HOSTS
    return world.server is not None and request.host == world.server.host


def _write(observed: Observed, monitor: Monitor, world: World) -> Iterator[str]:
    request = observed.request
    prefix, _, rest = observed.path.partition("/_apis/")
    base = ""
    if world.server is not None and request.host == world.server.host:
        base = world.server.directory
    elif request.host != "dev.azure.com":
        yield "a write that is no documented probe"
        return
    probe, target = _documented(request.method, rest)
    if probe is None or prefix.removeprefix(base).count("/") != 1:
        yield "a write that is no documented probe"
        return
    if "workitems" not in probe.pattern:
        yield from _target(target, monitor, world)
    elif target != NO_SUCH_WORK_ITEM:
        yield "a write to a work item that may exist"
    if "favorites" in probe.pattern:
        yield from _target(request.query.get("artifactscopeid", ""), monitor, world)
    yield from _form(request, probe)
    if _was_sent_before(observed, probe, prefix, monitor):
        yield "a write was sent twice"


def _form(request: Request, probe: WriteProbe) -> Iterator[str]:
    """What a probe carries beside its target."""
    for name, value in probe.query.items():
        if request.query.get(name) != value:
            yield f"the write probe lacks {name}={value}"
    if "api-version" not in request.query and "api-version" not in (request.header("Accept") or ""):
        yield "a write without an api-version"
    yield from _body(request, probe)


def _documented(method: str, rest: str) -> tuple[WriteProbe | None, str]:
    for probe in WRITE_PROBES:
        found = re.fullmatch(probe.pattern, rest, re.IGNORECASE)
        if found and probe.method == method:
            return probe, found["target"]
    return None, ""


def _was_sent_before(observed: Observed, probe: WriteProbe, prefix: str, monitor: Monitor) -> bool:
    request = observed.request
    for other in monitor.requests:
        if other.number >= observed.number or other.host != observed.host:
            continue
        before, _, rest = other.path.partition("/_apis/")
        is_same_place = before.casefold() == prefix.casefold()
        is_same_token = other.request.credentials == request.credentials
        if is_same_place and is_same_token and _documented(other.method, rest)[0] is probe:
            return True
    return False


def _target(target: str, monitor: Monitor, world: World) -> Iterator[str]:
    try:
        parsed = UUID(target)
    except ValueError:
        yield f"the target of a write is no random UUID ({target!r})"
        return
    if str(parsed) != target.lower() or parsed.version != 4:
        yield f"the target of a write is no random UUID ({target!r})"
    if target.lower() in _existing_ids(world):
        yield "the target of a write exists"
    elif not monitor.is_new(target):
        yield "the target of a write was used in an earlier run"


def _existing_ids(world: World) -> set[str]:
    """The ids of all that exists and must never be the target of a write."""
    ids: set[str] = set()
    for place in (*world.organizations, *(world.server.collections if world.server else ())):
        ids |= {place.id, *place.attachments, *place.favorites}
        for project in place.projects:
            ids.add(place.project_id(project))
            ids.update(place.repository_id(project, one) for one in project.repositories)
    return ids


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


# Invicti ASPM


def _is_registration(request: Request, here: Aspm) -> bool:
    """Whether this is the only write that the ASPM has, if it has it."""
    where = aspm.PREFIX[here.dialect] + aspm.INSTANCES
    return here.registers != "no" and request.method == "POST" and request.path == where


def _is_first_registration(observed: Observed, monitor: Monitor, world: World) -> bool:
    """Whether this is a registration that is allowed: one POST with one token, sent once.

    A second POST is not, whatever came of the first.
    """
    request = observed.request
    if world.aspm is None or request.host != world.aspm.host:
        return False
    if not _is_registration(request, world.aspm):
        return False
    if request.header("Content-Type") != "application/json":
        return False
    alike = [one for one in monitor.asked(request.host, "POST") if one.body == request.body]
    carried = [one for one in monitor.inputs.tokens if one.encode() in request.body]
    return len(alike) == len(carried) == 1


def _aspm(observed: Observed, monitor: Monitor, here: Aspm) -> Iterator[str]:
    request = observed.request
    if request.header("Authorization") is not None:
        yield "an Authorization header at the ASPM"
    if request.all("Referer") or request.all("Origin"):
        yield "a browser's header at the ASPM"
    yield from _aspm_token(observed, monitor, here)
    registers = _is_registration(request, here)
    if request.method != "GET" and not registers:
        yield f"{request.method} at the ASPM, and no registration was asked for"
    path = request.path.removeprefix(aspm.PREFIX[aspm.dialect_of(request)])
    if path in aspm.COLLECTIONS and request.method != "POST":
        yield "a collection without its slash"
    if "//" in path:
        yield "an address that was glued together"
    for secret in monitor.inputs.tokens:
        in_head = any(form in f"{request.target}\n{request.headers}" for form in disguises(secret))
        in_body = secret.encode() in request.body and not registers
        if in_head or in_body:
            yield "a token of Azure DevOps at the ASPM"


def _aspm_token(observed: Observed, monitor: Monitor, here: Aspm) -> Iterator[str]:
    request = observed.request
    sent = token_headers(request)
    others = [dialect for dialect in sent if dialect != here.dialect]
    is_known = _dialect_is_known(observed, monitor, here)
    if len(sent) > 1 or any(len(request.all(name)) > 1 for name in aspm.HEADER.values()):
        yield "tokens of two dialects in one request"
    if any(dialect != aspm.dialect_of(request) for dialect in sent):
        yield "the header of one dialect on a path of the other"
    if others and is_known:
        yield "the header of the wrong dialect, after the right one had answered"
    if any(value != monitor.inputs.aspm_token for value in sent.values()):
        yield "a token that nobody gave for the ASPM"
    if sent and here.state != "up" and not is_known:
        yield "a token for something that never looked like the API"


def token_headers(request: Request) -> dict[str, str]:
    """The headers of either dialect that came along, by dialect."""
    found = {dialect: request.header(name) for dialect, name in aspm.HEADER.items()}
    return {dialect: value for dialect, value in found.items() if value is not None}


def _dialect_is_known(observed: Observed, monitor: Monitor, here: Aspm) -> bool:
    """Whether the client knows which dialect this is: the right one has answered with a yes."""
    for one in monitor.requests:
        is_before = one.number < observed.number and one.host == here.host
        if is_before and one.status == 200 and aspm.dialect_of(one.request) == here.dialect:
            return True
    return False

"""The headers that every real Azure DevOps answer carries, whatever it says (facts/reliability.md part D)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote_plus, unquote
from uuid import uuid4

from aspm_ado.simulator.exchange import Answer, Request
from aspm_ado.simulator.world import stable_id

_P3P = (
    "P3P",
    'CP="CAO DSP COR ADMa DEV CONo TELo CUR PSA PSD TAI IVDo OUR SAMi '
    'BUS DEM NAV STA UNI COM INT PHY ONL FIN PUR LOC CNT"',
)
_HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
_NO_CACHE = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))
_SNIFF = ("X-Content-Type-Options", "nosniff")


def date_header(moment: datetime) -> tuple[str, str]:
    """Return the Date header."""
    return ("Date", format_datetime(moment.replace(microsecond=0), usegmt=True))


def services(answer: Answer, request: Request, moment: datetime) -> Answer:
    """Stamp an answer of Azure DevOps Services."""
    dated = date_header(moment)
    process = ("X-TFS-ProcessId", stable_id("process", request.host))
    headers = (*answer.headers, *_NO_CACHE, _P3P, process, _HSTS)
    if answer.status != 503:  # TF24668 came without ActivityId and X-VSS-* (D.5)
        headers += _ids(answer, request)
        headers += (("X-VSS-SenderDeploymentId", stable_id("deployment", "services")),)
    headers += (
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Access-Control-Expose-Headers", "Request-Context"),
        ("Request-Context", f"appId=cid-v1:{stable_id('app', request.host)}"),
        ("X-Cache", "CONFIG_NOCACHE"),
        _SNIFF,
        (
            "X-MSEdge-Ref",
            f"Ref A: {uuid4().hex.upper()} Ref B: SIM0EDGE0001 Ref C: {moment.date().isoformat()}T00:00:00Z",
        ),
        dated,
    )
    if answer.status == 200 and request.host == "vssps.dev.azure.com":
        # Requests to the identity host are routed once more, and both machines leave their headers (D.14).
        headers += (
            _P3P,
            _HSTS,
            _SNIFF,
            ("X-TFS-ProcessId", stable_id("process", "routed")),
            ("X-VSS-RequestRouted", "spsprodsim1.simulated.cloudapp.azure.com"),
            ("X-Powered-By", "ARR/3.0"),
            (
                "Set-Cookie",
                "X-VSS-UseRequestRouting=True; domain=.dev.azure.com; path=/; secure; HttpOnly",
            ),
            (
                "Set-Cookie",
                "VstsSession=simulated; domain=.dev.azure.com; path=/; secure; HttpOnly",
            ),
        )
    return Answer(answer.status, answer.body, headers, answer.names_user, answer.user)


def server(answer: Answer, request: Request, moment: datetime, *, names_user: bool) -> Answer:
    """Stamp an answer of an Azure DevOps Server: IIS shows through, and there is no edge before it (D.15)."""
    headers: list[tuple[str, str]] = []
    for name, value in answer.headers:
        if (
            name == "X-TFS-ServiceError"
        ):  # on premises: "+" for blanks, lower-case hex (D.5), and a SOAP twin
            encoded = _lower_hex(quote_plus(unquote(value), safe=""))
            headers += [(name, encoded), ("X-TFS-SoapException", encoded)]
        else:
            headers.append((name, value))
    headers += [
        *_NO_CACHE,
        _P3P,
        ("X-TFS-ProcessId", stable_id("process", request.host)),
        *_ids(
            Answer(answer.status, names_user=answer.names_user and names_user, user=answer.user),
            request,
        ),
        ("X-FRAME-OPTIONS", "SAMEORIGIN"),
        ("X-AspNet-Version", "4.0.30319"),
        ("X-Powered-By", "ASP.NET"),
        _SNIFF,
        ("Server", "Microsoft-IIS/10.0"),
        date_header(moment),
    ]
    return Answer(answer.status, answer.body, tuple(headers), answer.names_user, answer.user)


def _ids(answer: Answer, request: Request) -> tuple[tuple[str, str], ...]:
    activity = str(uuid4())
    # The session echoes the request's, else it equals the activity (D.6).
    ids = (
        ("ActivityId", activity),
        ("X-TFS-Session", request.header("X-TFS-Session") or activity),
        ("X-VSS-E2EID", activity),
    )
    return (*ids, ("X-VSS-UserData", answer.user)) if answer.user and answer.names_user else ids


def _lower_hex(encoded: str) -> str:
    head, *rest = encoded.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)

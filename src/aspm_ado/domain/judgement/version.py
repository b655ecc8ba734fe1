"""Which api-version a server speaks, read from its refusal of one that nobody has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.judgement.saying import words
from aspm_ado.domain.requirements import API_VERSIONS, newest_common

if TYPE_CHECKING:
    from aspm_ado.domain.exchange import Reply

_LATEST: Final = re.compile(
    r"latest REST API version this server supports is\s+(\d{1,2}\.\d{1,2})", re.IGNORECASE
)


def server_version(reply: Reply | None) -> str:
    """The newest version that both sides speak; the oldest of ours where the server does not tell.

    Source of the sentence: Microsoft's ``VssVersionOutOfRangeException``, as users have posted it.
    """
    told = _LATEST.search(words(reply)) if reply is not None else None
    return newest_common(told.group(1)) if told else API_VERSIONS[-1]

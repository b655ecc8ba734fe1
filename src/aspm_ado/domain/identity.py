"""A person, as Azure DevOps names one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANONYMOUS_ID: Final = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The id of anybody, a wrong token included, in an organization with public projects."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person. ``account`` is a mail address, or ``DOMAIN\\user`` on a Server."""

    id: str
    name: str = ""
    account: str = ""

    @property
    def label(self) -> str:
        """The name and the account, as a person reads them."""
        who = self.name or self.account or self.id
        if self.name and self.account and self.name != self.account:
            who = f"{self.name} <{self.account}>"
        return who

    @property
    def is_anonymous(self) -> bool:
        """Whether this is nobody."""
        return self.id.lower() in ("", ANONYMOUS_ID)

"""One HTTP exchange as values, so that routes are plain functions and only the server touches sockets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """What a client sent; `target` is the path with its query, as on the wire."""

    method: str
    authority: str  # the Host header
    target: str
    headers: Headers
    body: bytes = b""

    @property
    def host_and_port(self) -> str:
        """The Host header as it came, in lower case; `host` is the same without the port."""
        return self.authority.lower()

    @cached_property
    def host(self) -> str:
        """The host name that was asked for, in lower case."""
        try:
            return urlsplit("//" + self.authority).hostname or ""
        except ValueError:  # an unfinished IPv6 address is nobody's host
            return ""

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit("//host" + self.target).path

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The decoded path segments without empty ones."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters; names are compared in lower case, the first of several wins."""
        pairs = parse_qsl(urlsplit("//host" + self.target).query, keep_blank_values=True)
        return {name.lower(): value for name, value in reversed(pairs)}

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Answer:
    """What goes back. `names_user` asks for X-VSS-UserData; `user` is filled in by whoever knows the caller."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    names_user: bool = True
    user: str | None = None
    is_lost: bool = False  # never sent: the connection is reset in its place

    def plus(self, *headers: tuple[str, str]) -> Answer:
        """Return this answer with more headers; repeats are kept."""
        return replace(self, headers=self.headers + headers)

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

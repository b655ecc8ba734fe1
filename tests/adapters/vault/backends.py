"""A keyring backend that does what a plan says on its n-th call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

Fault = Callable[..., Any]


class PlannedBackend:
    """Keeps passwords in a dict; ``plan`` maps (method, n-th call of it, from 1; 0 = every) to what happens instead.

    A fault is called with the backend and the method's arguments; what it returns is the method's answer.
    """

    def __init__(self, plan: Mapping[tuple[str, int], Fault] | None = None) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.threads: set[threading.Thread] = set()
        self._plan = dict(plan or {})

    def get_password(self, service: str, username: str) -> str | None:
        return self._do("get", lambda: self.kept.get((service, username)), service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._do(
            "set",
            lambda: self.kept.__setitem__((service, username), password),
            service,
            username,
            password,
        )

    def delete_password(self, service: str, username: str) -> None:
        self._do("delete", lambda: self.kept.__delitem__((service, username)), service, username)

    def _do(self, method: str, otherwise: Callable[[], Any], *given: str) -> Any:
        self.calls.append((method, given))
        self.threads.add(threading.current_thread())
        nth = sum(1 for name, _ in self.calls if name == method)
        fault = self._plan.get((method, nth)) or self._plan.get((method, 0))
        return fault(self, *given) if fault else otherwise()


def raises(error: BaseException) -> Fault:
    def fault(*_: Any) -> Any:
        raise error

    return fault


def answers(value: Any) -> Fault:
    return lambda *_: value


def hangs(release: threading.Event) -> Fault:
    return lambda *_: release.wait(20)


class CompoundBackend(PlannedBackend):
    """As Windows' does: one password per service, and a second user name moves the first in a write of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        compound = f"{username}@{service}", username
        return super().get_password(service, username) or self.kept.get(compound)

    def set_password(self, service: str, username: str, password: str) -> None:
        for (there, who), value in list(self.kept.items()):
            if there == service and who != username:
                self.moved.append(service)
                self.kept[f"{who}@{service}", who] = value
                del self.kept[there, who]
        super().set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((f"{username}@{service}", username), None) is None:
            super().delete_password(service, username)

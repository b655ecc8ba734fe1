"""``dataclass`` without the half millisecond: the same to whoever uses a value, but no method is made for each class.

``dataclasses`` writes six methods for every class as text and compiles them, at each start. For the hundred classes of
``validate`` this took a fifth of the whole run (measured). Here all classes share the functions below, and the fields
of a class are read when its first value is made. To a type checker it is the one of the standard library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

T = TypeVar("T")

_read: Final = dataclasses.dataclass(init=False, repr=False, eq=False, match_args=False)


class _Fields:
    """``__dataclass_fields__`` of a class: read by the standard library when somebody asks for it.

    The library changes the class that it reads, step by step. So it is given one that nobody else has, and what it
    found is kept in one step: another thread, or a signal, meets all of it or nothing.
    """

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._found: dict[str, dataclasses.Field[Any]] | None = None

    def __get__(self, value: object, owner: type) -> dict[str, dataclasses.Field[Any]]:
        if self._found is None:
            self._found = self._read()
        return self._found

    def _read(self) -> dict[str, dataclasses.Field[Any]]:
        its, names = vars(self._kind), self._kind.__annotations__
        body = {
            "__module__": self._kind.__module__,
            "__annotations__": names,
            "__doc__": "Else one would be made.",
        }
        copy = type(self._kind.__name__, (), body)
        for name in names.keys() & its.keys():
            setattr(
                copy, name, its[name]
            )  # within ``type``, a signal would come out as a RuntimeError
        _read(copy)
        found: dict[str, dataclasses.Field[Any]] = vars(copy)["__dataclass_fields__"]
        return found


_Put = Callable[[Any, Any], None]
"""Fills one slot of a value: what ``object.__setattr__`` would have to look up by its name each time."""


class _Known(dict[type, tuple[tuple[_Put, str, dataclasses.Field[Any]], ...]]):
    """The fields of each class that has a value, and how each is filled."""

    def __missing__(self, kind: type) -> tuple[tuple[_Put, str, dataclasses.Field[Any]], ...]:
        fields = dataclasses.fields(kind)
        if not all(one.init for one in fields):
            raise TypeError(f"{kind.__name__} has a field that nobody can give")
        found = self[kind] = tuple(
            (getattr(kind, one.name).__set__, one.name, one) for one in fields
        )
        return found


_KNOWN: Final = _Known()


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    fields = _KNOWN[type(self)]
    if len(given) > len(fields):
        raise TypeError(f"{type(self).__name__} has {len(fields)} fields, not {len(given)}")
    for (put, _, _), value in zip(fields, given, strict=False):
        put(self, value)
    for put, name, one in fields[len(given) :]:
        if name in named:
            value = named.pop(name)
        elif one.default is not dataclasses.MISSING:
            value = one.default
        elif one.default_factory is not dataclasses.MISSING:
            value = one.default_factory()
        else:
            raise TypeError(f"{type(self).__name__} needs {name}")
        put(self, value)
    if named:
        raise TypeError(
            f"{type(self).__name__} has no field {' or '.join(named)}, or it was given twice"
        )
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _repr(self: Any) -> str:
    shown = (
        f"{one.name}={getattr(self, one.name)!r}" for _, _, one in _KNOWN[type(self)] if one.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _key(self: Any) -> tuple[object, ...]:
    return tuple([getattr(self, one.name) for _, _, one in _KNOWN[type(self)] if one.compare])


def _eq(self: Any, other: object) -> Any:
    return _key(self) == _key(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_key(self))


def _refuse(self: Any, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


_SHARED: Final[dict[str, Any]] = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": None,
}
_FROZEN: Final[dict[str, Any]] = {
    **_SHARED,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
}
_OF_A_CLASS_WITHOUT_SLOTS: Final = ("__dict__", "__weakref__")


def _made(kind: type[T], methods: dict[str, Any]) -> type[T]:
    """The class again, with slots: they cannot be added to one that is there."""
    if any(map(dataclasses.is_dataclass, kind.__bases__)):
        raise TypeError(f"{kind.__name__} would lose the fields that it inherits")
    names = tuple(kind.__annotations__)
    body = {key: value for key, value in vars(kind).items() if key not in names}
    for key in _OF_A_CLASS_WITHOUT_SLOTS:
        body.pop(key, None)
    body = {
        **methods,
        **body,
        "__slots__": names,
        "__match_args__": names,
        "__dataclass_fields__": _Fields(kind),
    }
    made: type[T] = type(kind)(kind.__name__, kind.__bases__, body)  # type: ignore[misc]
    made.__qualname__ = kind.__qualname__
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, slots: bool, frozen: bool = False) -> Callable[[type[T]], type[T]]:
        """Make a class of values, as ``dataclasses.dataclass`` does, always with slots; ``replace`` works on it.

        There are no ordered values and no pickled ones. None inherits fields, and each field can be given.
        """
        if not slots:
            raise TypeError("a class of values has slots")
        return lambda kind: _made(kind, _FROZEN if frozen else _SHARED)

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


class _Fields:
    """``__dataclass_fields__`` of a class: read by the standard library when somebody asks for it."""

    def __init__(self, kind: type) -> None:
        self._kind, self._read = kind, False

    def __get__(self, value: object, owner: type) -> dict[str, dataclasses.Field[Any]]:
        if not self._read:
            dataclasses.dataclass(init=False, repr=False, eq=False)(self._kind)
            self._read = True
        found: dict[str, dataclasses.Field[Any]] = vars(self._kind)["__dataclass_fields__"]
        return found


class _Known(dict[type, tuple[dataclasses.Field[Any], ...]]):
    """The fields of each class that has a value."""

    def __missing__(self, kind: type) -> tuple[dataclasses.Field[Any], ...]:
        found = self[kind] = dataclasses.fields(kind)
        return found


_KNOWN: Final = _Known()
_put: Final = object.__setattr__


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    fields = _KNOWN[type(self)]
    if len(given) > len(fields):
        raise TypeError(f"{type(self).__name__} has {len(fields)} fields, not {len(given)}")
    for one, value in zip(fields, given, strict=False):
        _put(self, one.name, value)
    for one in fields[len(given) :]:
        if one.name in named:
            value = named.pop(one.name)
        elif one.default is not dataclasses.MISSING:
            value = one.default
        elif one.default_factory is not dataclasses.MISSING:
            value = one.default_factory()
        else:
            raise TypeError(f"{type(self).__name__} needs {one.name}")
        _put(self, one.name, value)
    if named:
        raise TypeError(f"{type(self).__name__} has no field {' or '.join(named)}, or it was given twice")
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in _KNOWN[type(self)] if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _key(self: Any) -> tuple[object, ...]:
    return tuple([getattr(self, one.name) for one in _KNOWN[type(self)] if one.compare])


def _eq(self: Any, other: object) -> Any:
    return _key(self) == _key(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_key(self))


def _refuse(self: Any, name: str, *_: object) -> None:
    raise dataclasses.FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


_SHARED: Final[dict[str, Any]] = {"__init__": _init, "__repr__": _repr, "__eq__": _eq, "__hash__": None}
_FROZEN: Final[dict[str, Any]] = {**_SHARED, "__hash__": _hash, "__setattr__": _refuse, "__delattr__": _refuse}
_OF_A_CLASS_WITHOUT_SLOTS: Final = ("__dict__", "__weakref__")


def _made(kind: type[T], methods: dict[str, Any]) -> type[T]:
    """The class again, with slots: they cannot be added to one that is there."""
    names = tuple(kind.__annotations__)
    body = {key: value for key, value in vars(kind).items() if key not in names}
    for key in _OF_A_CLASS_WITHOUT_SLOTS:
        body.pop(key, None)
    body = {**methods, **body, "__slots__": names, "__match_args__": names, "__dataclass_fields__": _Fields(kind)}
    made: type[T] = type(kind)(kind.__name__, kind.__bases__, body)  # type: ignore[misc]
    made.__qualname__ = kind.__qualname__
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, slots: bool, frozen: bool = False) -> Callable[[type[T]], type[T]]:
        """Make a class of values, as ``dataclasses.dataclass`` does, always with slots; ``replace`` works on it.

        There are no ordered values and no pickled ones.
        """
        if not slots:
            raise TypeError("a class of values has slots")
        return lambda kind: _made(kind, _FROZEN if frozen else _SHARED)

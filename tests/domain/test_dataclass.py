"""Our ``dataclass`` behaves as the one of the standard library does, class by class."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from types import FrameType
from typing import Any

import pytest

from aspm_ado.domain.dataclass import dataclass


def classes(decorate: Callable[..., Any]) -> tuple[type[Any], type[Any], type[Any]]:
    """The same three classes by either decorator."""

    @decorate(frozen=True, slots=True)
    class Point:
        """A value."""

        x: int
        y: int = 7
        names: list[str] = field(default_factory=list, repr=False)
        note: str = field(default="", compare=False)

        @property
        def sum(self) -> int:
            return self.x + self.y

    @decorate(slots=True)
    class Cup:
        """Something that is filled."""

        held: int = 0

    @decorate(frozen=True, slots=True)
    class Even:
        """Something that is checked."""

        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

        def __repr__(self) -> str:
            return "even"

    return Point, Cup, Even


@pytest.fixture(params=[dataclass, dataclasses.dataclass], ids=["ours", "the library's"])
def made(request: pytest.FixtureRequest) -> tuple[type[Any], type[Any], type[Any]]:
    return classes(request.param)


def test_values_are_made_and_shown(made: tuple[type[Any], ...]) -> None:
    point, cup, even = made
    value = point(1, note="n")
    assert (value.x, value.y, value.names, value.note, value.sum) == (1, 7, [], "n", 8)
    assert repr(value).endswith("Point(x=1, y=7, note='n')")
    assert value.names is not point(1).names
    assert point(y=2, x=1) == point(1, 2)
    assert (cup().held, even(2).number, repr(even(2))) == (0, 2, "even")
    assert point.__match_args__ == ("x", "y", "names", "note")
    with pytest.raises(ValueError, match="odd"):
        even(3)


def test_values_compare_by_what_they_hold(made: tuple[type[Any], ...]) -> None:
    point, cup, even = made
    assert point(1, note="a") == point(1, note="b")
    assert point(1) != point(2)
    assert even(2) != cup(2)
    assert hash(even(2)) == hash(even(2))
    assert len({even(2), even(2), even(4)}) == 2
    with pytest.raises(TypeError):
        hash(cup())
    with pytest.raises(TypeError):
        hash(point(1))  # a list is in it


def test_a_value_does_not_change_and_takes_nothing_else(made: tuple[type[Any], ...]) -> None:
    point, cup, _ = made
    value, filled = point(1), cup()
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.x
    assert not hasattr(value, "__dict__")
    filled.held = 3
    assert filled == cup(3)
    with pytest.raises(AttributeError):
        filled.other = 1


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), ((1, 2, [], "", 5), {}), ((1,), {"z": 1}), ((1,), {"x": 1}), ((), {"y": 1})],
)
def test_a_wrong_call_is_refused(
    made: tuple[type[Any], ...], given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        made[0](*given, **named)


def test_the_library_knows_it(made: tuple[type[Any], ...]) -> None:
    point, cup, _ = made
    assert replace(point(1), y=3) == point(1, 3)
    assert replace(replace(cup(1), held=2)).held == 2
    assert dataclasses.is_dataclass(point)
    assert [one.name for one in dataclasses.fields(point)] == ["x", "y", "names", "note"]
    assert dataclasses.asdict(cup(4)) == {"held": 4}
    with pytest.raises(TypeError):
        replace(point(1), z=3)


def test_what_ours_does_not_do_is_refused() -> None:
    """Without a word it would make a value that lacks something."""
    cup = classes(dataclass)[1]

    class Glass(cup):  # type: ignore[misc,valid-type]
        clear: bool = True

    with pytest.raises(TypeError, match="inherits"):
        dataclass(slots=True)(Glass)

    @dataclass(slots=True)
    class Counted:
        total: int = field(init=False, default=0)

    with pytest.raises(TypeError, match="nobody can give"):
        Counted()


def test_first_values_are_made_in_many_threads_at_once() -> None:
    """The fields are read with the first value: whoever comes meanwhile finds neither half of them, nor others."""
    failed: list[BaseException] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            point, _, _ = classes(dataclass)
            gate = threading.Barrier(4)

            def make(point: type[Any] = point, gate: threading.Barrier = gate) -> None:
                gate.wait()
                try:
                    assert point(1) == point(1, 7, [], "")
                except BaseException as error:  # noqa: BLE001 - nobody is above a thread
                    failed.append(error)

            threads = [threading.Thread(target=make) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failed


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is called back when garbage is collected (hypothesis has such a callback) would swallow an interruption."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_reading_the_fields_can_be_interrupted_at_every_line() -> None:
    """Ctrl-C may come while the first value is made; what is done then makes another one."""
    for stop in itertools.count(1):
        point, _, _ = classes(dataclass)
        came = 0

        def trace(frame: FrameType, event: str, _argument: object, stop: int = stop) -> Any:
            nonlocal came
            came += event == "line"
            if came == stop:
                sys.settrace(None)
                raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            point(1)
        except KeyboardInterrupt:
            assert point(1) == point(1, 7, [], "")
        else:
            break
        finally:
            sys.settrace(before)
    assert stop > 10

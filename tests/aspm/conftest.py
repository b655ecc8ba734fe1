"""Stands that are taken down again."""

import pytest

from .stand import STORY, Stand


@pytest.fixture
def stand(tmp_path):
    made = []

    def put_up(story=STORY, **world):
        made.append(Stand(tmp_path / str(len(made)), story, **world))
        return made[-1]

    yield put_up
    for one in made:
        one.close()

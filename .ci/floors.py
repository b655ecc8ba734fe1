"""Prints the oldest release of each dependency that pyproject.toml allows on Linux, for pip."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
ranges = [each for each in project["dependencies"] if "sys_platform" not in each]
sys.stdout.write(" ".join(re.sub(r">=([\d.]+).*", r"==\1", each) for each in ranges) + "\n")

"""The recommenders that the laws are held to: all of the name table."""

import importlib.util

from warmstart.recommenders.table import RECOMMENDERS

NAMES = sorted(
    name for name, place in RECOMMENDERS.items() if importlib.util.find_spec(place.partition(":")[0]) is not None
)

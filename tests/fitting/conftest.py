import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def public_table():
    """Path of a public table of training runs, by name; the test is skipped where it is not there.

    They lie in ../shared/data, or in the folder that SCALECORE_DATA names, and are not part of the
    project.
    """
    places = [Path(place) for place in (os.environ.get("SCALECORE_DATA"),) if place]
    places += [parent / "shared" / "data" for parent in Path(__file__).resolve().parents[3:5]]

    def find(name):
        for place in places:
            if (place / f"{name}.csv").is_file():
                return place / f"{name}.csv"
        pytest.skip(f"the public table {name} is not here")

    return find


@pytest.fixture
def write(tmp_path):
    """Write text or bytes to a file, and return its path."""

    def write(text, name="runs.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write

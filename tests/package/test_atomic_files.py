"""Files that take their place whole, where a system lets no open file be replaced (Windows)."""

from pathlib import Path

import pytest

from scalecore._common import atomic_files
from scalecore._common.atomic_files import atomic_write


@pytest.fixture
def replacements(monkeypatch):
    """A disk that refuses as often as `refusals` says; what was waited for, and asked of it."""
    record = {"refusals": 0, "attempts": 0, "waited": []}
    real = Path.replace

    def replace(self, target):
        record["attempts"] += 1
        if record["attempts"] <= record["refusals"]:
            raise PermissionError(13, "The process cannot access the file", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(atomic_files, "sleep", record["waited"].append)
    return record


def write(target):
    with atomic_write(target) as unfinished:
        unfinished.write_text("new")


@pytest.mark.parametrize("refusals", [0, 1, len(atomic_files._WAITS)])
def test_waits_for_a_reader_on_windows(tmp_path, monkeypatch, replacements, refusals):
    monkeypatch.setattr(atomic_files, "_OPEN_FILES_STAY", True)
    replacements["refusals"] = refusals
    target = tmp_path / "table"
    target.write_text("old")
    write(target)
    assert target.read_text() == "new"
    assert replacements["waited"] == list(atomic_files._WAITS[:refusals])
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("windows", "attempts"), [(True, len(atomic_files._WAITS) + 1), (False, 1)]
)
def test_a_file_that_stays_open_keeps_its_content(
    tmp_path, monkeypatch, replacements, windows, attempts
):
    monkeypatch.setattr(atomic_files, "_OPEN_FILES_STAY", windows)
    replacements["refusals"] = 99
    target = tmp_path / "table"
    target.write_text("old")
    with pytest.raises(PermissionError, match="cannot access"):
        write(target)
    assert replacements["attempts"] == attempts
    assert sum(replacements["waited"]) < 1.5
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_any_other_error_is_not_waited_for(tmp_path, monkeypatch, replacements):
    monkeypatch.setattr(atomic_files, "_OPEN_FILES_STAY", True)
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "no such folder" / "table")
    assert replacements["waited"] == []

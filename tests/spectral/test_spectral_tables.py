"""Tables of the spectral bounds on disk: where they are looked for and kept, and disks that refuse
them."""

import errno
import os
import signal
import sys
import tempfile
import threading
import time
from importlib import import_module

import numpy as np
import pytest

import scalecore as sc

DIM, UNITS = 7, 20
tables, rows = (
    import_module(f"scalecore.spectral.{name}") for name in ("_table_lookup", "_table_rows")
)


@pytest.fixture
def builds(monkeypatch):
    """A process without tables: the units of those that it builds, of which 20 are the default."""
    real, built = tables.build_rows, []
    monkeypatch.setattr(
        tables,
        "build_rows",
        lambda d, most, progress: (built.append(most), real(d, most, progress))[1],
    )
    monkeypatch.setattr(tables, "_TABLES", {})
    monkeypatch.setattr(tables, "DEFAULT_UNITS", UNITS)
    monkeypatch.setenv("SCALECORE_TABLES", "")
    return built


@pytest.fixture
def refusing(tmp_path, monkeypatch):
    """Make a folder that keeps nothing, for one of several reasons; returns it and what the system
    says."""

    def make(reason):
        if reason == "full":

            def save(file, **arrays):
                file.write(b"half of it")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(np, "savez", save)
            return tmp_path / "full", errno.ENOSPC
        if reason == "read-only":

            def refuse(dir):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir / "tmp"))

            monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
            return tmp_path / "read-only", errno.EROFS
        (tmp_path / "file").write_text("mine")
        return tmp_path / "file" / ("inside" if reason == "below a file" else ""), errno.ENOTDIR

    return make


REASONS = pytest.mark.parametrize("reason", ["a file", "below a file", "read-only", "full"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: sc.spectral_bound(8, 1e5, DIM, 100),
        lambda: sc.spectral_terms(8, 1e5, DIM, 100).error,
        lambda: sc.compute_optimal(1e8, DIM, 100, bound="spectral").error,
        lambda: sc.spectral_table(DIM, most_units=UNITS).residual[-1],
    ],
)
@REASONS
def test_a_named_folder_that_keeps_nothing_is_a_warning(
    call, reason, refusing, builds, monkeypatch, capfd, tmp_path
):
    folder, code = refusing(reason)
    monkeypatch.setenv("SCALECORE_TABLES", str(folder))
    with pytest.warns(RuntimeWarning) as caught:
        bound = call()
    assert [str(warning.message) for warning in caught] == [
        f"SCALECORE_TABLES names {folder}, where tables cannot be kept, only in this process: "
        f"{os.strerror(code)}"
    ]
    assert caught[0].filename == __file__
    assert call() == bound  # without another word
    assert 0 < bound < 0.1
    assert builds == [UNITS]
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [
        "file"
    ] * reason.endswith("a file")


@pytest.mark.parametrize("held", [False, True])
@REASONS
def test_a_cache_that_keeps_nothing_is_an_error(reason, held, refusing, builds, tmp_path):
    folder, code = refusing(reason)
    if held:
        sc.spectral_table(DIM, most_units=UNITS)
    consequence = (
        "does not keep the table, only this process does"
        if reason == "full"
        else "must be a folder that can be made"
    )
    for _ in range(2):
        with pytest.raises(OSError, match=f"{os.strerror(code)}; cache {consequence}") as caught:
            sc.spectral_table(DIM, most_units=UNITS, cache=folder)
        assert caught.value.errno == code
        assert caught.value.filename == str(folder)
        assert isinstance(caught.value, NotADirectoryError) == (code == errno.ENOTDIR)
    assert builds == [UNITS] * (held or reason == "full")  # nothing in vain, nothing lost
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [
        "file"
    ] * reason.endswith("a file")


@pytest.mark.skipif(os.name == "nt", reason="limits of processes")
def test_a_disk_that_truly_fills(run_python, tmp_path):
    code = f"""
import resource, warnings, scalecore as sc
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    sc.spectral_table({DIM}, most_units={UNITS}, cache={str(tmp_path)!r})
except OSError as error:
    print(error)
print(sc.spectral_bound(8, 1e5, {DIM}, 100) > 0)
sc.spectral_table(6, most_units={UNITS})
"""
    done = run_python(code, check=False, SCALECORE_TABLES=str(tmp_path))
    reason = os.strerror(errno.EFBIG)
    assert (
        done.stdout
        == f"[Errno {errno.EFBIG}] {reason}; cache does not keep the table, only this process "
        f"does: '{tmp_path}'\nTrue\n"
    )
    assert done.stderr.count("SCALECORE_TABLES names") == 1
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_only_be_read_will_do(refusing, builds, monkeypatch, tmp_path):
    table = sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path / "read-only")
    folder, _ = refusing("read-only")
    tables._TABLES.clear()
    assert np.array_equal(sc.spectral_table(DIM, most_units=UNITS, cache=folder).delta, table.delta)
    tables._TABLES.clear()
    monkeypatch.setenv("SCALECORE_TABLES", str(folder))
    assert np.array_equal(sc.spectral_table(DIM, most_units=UNITS).delta, table.delta)
    assert len(builds) == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the rules of the XDG")
def test_tables_are_kept_in_the_users_cache(builds, monkeypatch, tmp_path, recwarn):
    """Those of the usual size, unless the environment says otherwise."""
    monkeypatch.delenv("SCALECORE_TABLES")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sc.spectral_table(DIM, most_units=UNITS - 1)
    assert not (tmp_path / "cache").exists()
    tables._TABLES.clear()
    bound = sc.spectral_bound(UNITS, 1e5, DIM, 100)
    assert len(list((tmp_path / "cache" / "scalecore").iterdir())) == 1
    tables._TABLES.clear()
    assert sc.spectral_bound(UNITS, 1e5, DIM, 100) == bound
    assert builds == [UNITS - 1, UNITS]
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    tables._TABLES.clear()
    assert sc.spectral_bound(UNITS, 1e5, DIM, 100) == bound
    assert builds == [UNITS - 1, UNITS, UNITS]
    monkeypatch.setenv("SCALECORE_TABLES", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tables._TABLES.clear()
    assert sc.spectral_bound(UNITS, 1e5, DIM, 100) == bound
    assert builds == [UNITS - 1, UNITS, UNITS, UNITS]  # an empty name: kept nowhere
    assert len(recwarn) == 0


def test_a_cache_keeps_what_the_process_has(builds, tmp_path):
    """Also a table that was built unasked, and under the units that were asked for."""
    sc.spectral_bound(8, 1e5, DIM, 100)
    table = sc.spectral_table(DIM, most_units=10, cache=tmp_path / "new" / "folder")
    (file,) = (tmp_path / "new" / "folder").iterdir()
    before = file.stat().st_mtime_ns
    assert sc.spectral_table(DIM, most_units=UNITS, cache=file.parent) is table
    tables._TABLES.clear()
    assert np.array_equal(
        sc.spectral_table(DIM, most_units=UNITS, cache=file.parent).delta, table.delta
    )
    assert [entry.stat().st_mtime_ns for entry in file.parent.iterdir()] == [before]
    assert builds == [UNITS]


def test_a_table_that_ends_early_is_not_built_again(builds, monkeypatch, capfd):
    """In few dimensions directions crowd before there are as many units as asked for."""
    real = rows._even_parts
    monkeypatch.setattr(
        rows,
        "_even_parts",
        lambda d, counts: [
            None if count > 12 else part
            for count, part in zip(counts, real(d, counts), strict=True)
        ],
    )
    table = sc.spectral_table(DIM, most_units=40, progress=True)
    assert table.units[-1] == 14
    assert "table of input_dim 7: 100%" in capfd.readouterr().err
    assert sc.spectral_table(DIM, most_units=40) is table
    assert sc.spectral_table(DIM, most_units=30) is table
    assert builds == [40]
    sc.spectral_table(DIM, most_units=41)
    assert builds == [40, 41]


def test_a_damaged_table_is_built_again(builds, tmp_path):
    table = sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (
        b"",
        whole[: len(whole) // 2],
        whole.replace(whole[300:308], b"\xff" * 8),
        b"nothing of the kind",
    ):
        file.write_bytes(damaged)
        tables._TABLES.clear()
        assert np.array_equal(
            sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path).residual, table.residual
        )
        assert file.read_bytes() == whole
    assert len(builds) == 5


def test_a_file_with_other_rows_is_no_table(builds, tmp_path):
    """Of another dimension, or made by hand: it is built again, and no bound comes from it."""
    want = sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    with np.load(file) as stored:
        good = dict(stored)
    other = sc.spectral_table(DIM + 1, most_units=UNITS, cache=tmp_path / "other")
    spoilt = {
        "eigenvalues": [
            *(2 * good["eigenvalues"], -good["eigenvalues"], good["eigenvalues"] * np.nan),
            *(good["eigenvalues"][:-1], good["eigenvalues"].astype(np.float32)),
            np.where(good["eigenvalues"] < 1e-2, 5e-324, good["eigenvalues"]),
        ],
        "copies": [good["copies"] * 0, good["copies"] * 1.5, good["copies"][:, None]],
        "units": [good["units"][::-1], good["units"] + 0.5, good["units"] * np.nan],
        "lengths": [good["lengths"] * 1.0, -good["lengths"], good["lengths"][:1]],
        "delta": [good["delta"] + 2, good["delta"] * np.nan, good["delta"].astype(str)],
    }
    cases = [{**good, name: array} for name, arrays in spoilt.items() for array in arrays]
    cases += [{name: array for name, array in good.items() if name != lost} for lost in good]
    for case in cases:
        np.savez(file, **case)
        tables._TABLES.clear()
        found = sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path)
        assert np.array_equal(found.residual, want.residual)
    (tmp_path / "other" / file.name.replace(f"_{DIM}_", f"_{DIM + 1}_")).replace(file)
    tables._TABLES.clear()
    assert np.array_equal(
        sc.spectral_table(DIM, most_units=UNITS, cache=tmp_path).residual, want.residual
    )
    assert not np.array_equal(other.residual, want.residual)


def test_writers_at_once_do_not_meet(builds, tmp_path, monkeypatch):
    table, meeting, real, failed = (
        sc.spectral_table(DIM, most_units=UNITS),
        threading.Barrier(2),
        np.savez,
        [],
    )

    def save(file, **arrays):
        meeting.wait(10)
        real(file, **arrays)
        meeting.wait(10)

    def write():
        try:
            import_module("scalecore.spectral._table_files").save_table(tmp_path, table, UNITS)
        except BaseException as error:
            failed.append(error)

    monkeypatch.setattr(np, "savez", save)
    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(tables._read(tmp_path, DIM, UNITS).delta, table.delta)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("d", [3, 10])  # sets without and with a symmetry
def test_ctrl_c_ends_a_table_that_takes_minutes(builds, d):
    told = []

    def press():
        time.sleep(1)
        told.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        sc.spectral_table(d, most_units=16384)
    assert time.monotonic() - told[0] < 5
    assert tables._TABLES == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_while_a_table_is_built_does_not_hang(run_python):
    """The thread that holds the lock is not in the child."""
    code = """
import os, sys, threading, time
from importlib import import_module
import scalecore as sc
rows, started = import_module("scalecore.spectral._table_rows"), threading.Event()
real = rows._even_parts
def slow(d, counts):
    started.set()
    time.sleep(60)
rows._even_parts = slow
more = {"most_units": 20}
threading.Thread(target=sc.spectral_table, args=(5,), kwargs=more, daemon=True).start()
started.wait()
rows._even_parts = real
child = os.fork()
if child == 0:
    os._exit(int(sc.spectral_table(7, most_units=20).units[-1] < 9))
end, done = time.monotonic() + 30, (0, 0)
while done[0] == 0 and time.monotonic() < end:
    time.sleep(0.05)
    done = os.waitpid(child, os.WNOHANG)
if done[0] == 0:
    os.kill(child, 9)
print(done[0] == child and done[1] == 0)
sys.stdout.flush()
os._exit(0)
"""
    assert run_python(code).split() == ["True"]

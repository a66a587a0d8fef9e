"""Files of chunks: Zarr's bytes, whole or not at all, on disks with and without direct writing."""

import errno
import os
import threading

import numpy as np
import pytest
from sweep_cases import CHUNKS, GRID, same

import scalecore as sc
from scalecore.sweeps import _chunk_files, _runners
from scalecore.sweeps._chunk_files import encode, write_file

zarr = pytest.importorskip("zarr")
pytest.importorskip("xarray")
numcodecs = pytest.importorskip("numcodecs")


@pytest.mark.parametrize("compressor", [None, numcodecs.Blosc("lz4", 1), numcodecs.Zlib(1)])
@pytest.mark.parametrize(("dtype", "fill"), [("f8", np.nan), ("i1", -1), ("i8", -2)])
@pytest.mark.parametrize(
    ("shape", "chunks"), [((7, 5), (3, 2)), ((4,), (4,)), ((), ()), ((2, 3, 4), (1, 3, 4))]
)
def test_the_bytes_are_those_that_zarr_writes(tmp_path, compressor, dtype, fill, shape, chunks):
    """Chunks at the end of an axis among them, and values that are not contiguous."""
    group = zarr.open_group(tmp_path, mode="w", zarr_format=2)
    array = group.create_array(
        "x", shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, compressors=compressor
    )
    values = np.arange(1, 1 + int(np.prod(shape)), dtype=dtype).reshape(shape[::-1]).T
    with zarr.config.set({"array.write_empty_chunks": True}):
        array[...] = values
    files = [file for file in (tmp_path / "x").iterdir() if not file.name.startswith(".")]
    assert len(files) == np.prod([-(-a // b) for a, b in zip(shape, chunks, strict=True)])
    for file in files:
        places = [int(place) for place in file.name.split(".")][: len(shape)]
        part = tuple(slice(p * n, (p + 1) * n) for p, n in zip(places, chunks, strict=False))
        assert bytes(encode(array, values[part])) == file.read_bytes()


SIZES = (0, 1, 2**20 - 1, 2**20, 2**20 + 1, 2**20 + 4095, 2**20 + 4096, 3 * 2**20 + 5)


@pytest.mark.parametrize("refused", [None, errno.EINVAL, errno.ENOTSUP])
def test_any_length_is_written_as_it_is(tmp_path, monkeypatch, refused):
    """Also where the file system refuses to write past its cache."""
    real, asked = os.open, []

    def opened(path, flags, *mode):
        asked.append(path)
        if refused and _chunk_files._UNCACHED and flags & _chunk_files._UNCACHED:
            raise OSError(refused, os.strerror(refused))
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", opened)
    for size in SIZES:
        content = np.random.default_rng(size).bytes(size)
        for _ in range(2):  # a file that is there is replaced
            write_file(tmp_path / "f", memoryview(content))
            assert (tmp_path / "f").read_bytes() == content
        assert [file.name for file in tmp_path.iterdir()] == ["f"]
    direct = 2 * sum(size >= 2**20 for size in SIZES)
    assert len(asked) == (direct if hasattr(os, "O_DIRECT") else 0)


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="no direct writing")
def test_a_disk_that_takes_less_at_a_time_gets_the_rest_later(tmp_path, monkeypatch):
    real, content = os.pwrite, np.random.default_rng(0).bytes(2**20 + 12345)
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: real(file, data[: 3 * 2**16], at))
    write_file(tmp_path / "f", memoryview(content))
    assert (tmp_path / "f").read_bytes() == content


@pytest.mark.parametrize("size", [10, 2**21])
def test_a_write_that_fails_leaves_no_trace(tmp_path, monkeypatch, size):
    write_file(tmp_path / "f", memoryview(b"before"))

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_chunk_files, "_write_uncached", full)
    monkeypatch.setattr(_chunk_files.Path, "write_bytes", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write_file(tmp_path / "f", memoryview(bytes(size)))
    assert [file.name for file in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"before"


def test_long_and_short_chunks_give_the_same_bits(tmp_path, monkeypatch):
    """Long ones are computed by all threads together; tried alone once if they look short."""
    together, real = [], _runners.compute_chunk

    def counted(store, number, n_threads):
        if threading.current_thread() is threading.main_thread():
            together.append(number)
        return real(store, number, n_threads)

    monkeypatch.setattr(_runners, "compute_chunk", counted)

    def swept(name):
        together.clear()
        return sc.sweep("compute_optimal", GRID, tmp_path / name, chunks=CHUNKS, n_threads=2)

    monkeypatch.setattr(_runners, "_SHORT", 1e9)
    short = swept("short")
    assert together == [0]
    monkeypatch.setattr(_runners, "_SHORT", 0.0)
    long = swept("long")
    assert together == list(range(36))
    monkeypatch.setattr(_runners, "_SHORT", 1e-9)
    monkeypatch.setattr(_runners, "perf_counter", lambda: 0.0)
    mistaken = swept("mistaken")
    assert together[0] == 0
    assert together[1:] == list(range(37 - len(together), 36))
    assert len(together) >= 36 - 8
    same(short, long)
    same(short, mistaken)


@pytest.mark.parametrize("at_once", [1, 2**30])
def test_few_chunks_are_in_memory_at_once(tmp_path, monkeypatch, at_once):
    """Those being computed, as many as threads or as may be in memory, and two being written."""
    lock, in_memory, most = threading.Lock(), 0, 0
    compute, write = _runners.compute_chunk, _runners.write_chunk

    def computed(store, number, n_threads):
        nonlocal in_memory, most
        with lock:
            in_memory += 1
            most = max(most, in_memory)
        return compute(store, number, n_threads)

    def written(store, number, out):
        nonlocal in_memory
        write(store, number, out)
        with lock:
            in_memory -= 1

    monkeypatch.setattr(_runners, "compute_chunk", computed)
    monkeypatch.setattr(_runners, "write_chunk", written)
    monkeypatch.setattr(_runners, "_AT_ONCE", at_once)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS, n_threads=4).complete
    assert in_memory == 0
    assert 1 < most <= 2 + (1 if at_once == 1 else 4)


def test_an_interrupt_leaves_nothing_at_work_in_the_store(tmp_path, monkeypatch):
    """What is being written is finished, what is being computed never written."""
    real, begun, go_on = _runners.compute_chunk, threading.Event(), threading.Event()

    def slow(store, number, n_threads):
        if number >= 5:
            begun.set()
            assert go_on.wait(60)
        return real(store, number, n_threads)

    def interrupted(futures, **how):
        if begun.is_set():
            raise KeyboardInterrupt
        return wait(futures, **how)

    wait = _runners.wait
    monkeypatch.setattr(_runners, "compute_chunk", slow)
    monkeypatch.setattr(_runners, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS)
    finished = sc.Sweep.load(tmp_path / "s").finished
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("sweep"):
            thread.join(60)
    assert 1 <= finished <= 5
    assert sc.Sweep.load(tmp_path / "s").finished == finished
    monkeypatch.undo()
    same(
        sc.sweep("compute_optimal", GRID, tmp_path / "s", chunks=CHUNKS),
        sc.sweep("compute_optimal", GRID, tmp_path / "t", chunks=CHUNKS),
    )

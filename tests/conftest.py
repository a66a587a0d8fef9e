import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from hypothesis import settings

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # as in a script's background job: the tests of Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("SCALECORE_TABLES", "")  # tests leave the user's cache alone

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")


@contextmanager
def tables_of_a_new_process():
    """None, until somebody asks; afterwards those from before again."""
    from scalecore.spectral import _table_lookup

    kept = dict(_table_lookup._TABLES)
    _table_lookup._TABLES.clear()
    try:
        yield
    finally:
        _table_lookup._TABLES.clear()
        _table_lookup._TABLES.update(kept)


@pytest.fixture(scope="module", autouse=True)
def no_tables_of_other_files():
    """A larger table that another file's test has built would change numbers, and which tests came
    before depends on what can run on a machine."""
    with tables_of_a_new_process():
        yield


@pytest.fixture
def no_tables():
    """For a test whose numbers depend on the size of a table, in a file where others build some."""
    with tables_of_a_new_process():
        yield


@pytest.fixture(scope="session")
def run_python(tmp_path_factory):
    """Run a piece of Python in a process of its own, outside the source tree; returns what it
    printed."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(code, check=True, timeout=120, **environment):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check:
            assert done.returncode == 0, done.stderr
            return done.stdout
        return done

    return run


@pytest.fixture
def ctrl_c_in_training(monkeypatch):
    """Press Ctrl-C 0.6 s after learners begin to read, however long a busy machine takes to get
    there; when that was, in a list."""
    from scalecore._core import training as core

    real, pressed, timers = core.train, [], []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    def begin(**arguments):
        if not timers:
            timers.append(threading.Timer(0.6, press))
            timers[0].start()
        return real(**arguments)

    monkeypatch.setattr(core, "train", begin)
    yield pressed
    timers[0].join()

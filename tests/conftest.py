import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import settings

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # as in a script's background job: the tests of Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("SCALECORE_TABLES", "")  # tests leave the user's cache alone

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")


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

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a script's background job: the tests of Ctrl-C would wait for ever
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")


@pytest.fixture(scope="session")
def run_python(tmp_path_factory):
    """Run a piece of Python in a process of its own, outside the source tree; returns what it printed."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(code, check=True, timeout=120, **environment):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=timeout
        )
        if check:
            assert done.returncode == 0, done.stderr
            return done.stdout
        return done

    return run

"""Every example starts: its imports are there, and its help or a tiny run comes to an end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
if not EXAMPLES.is_dir():
    pytest.skip("the examples are not beside the tests", allow_module_level=True)

SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
RUNS = {  # a run that takes seconds, and what it prints; the others are only loaded
    "which_directions.py": (["3", "4", "7"], "residual beside the pair"),
    "what_rounding_costs.py": (["3", "7", "5", "9"], "lowered by"),
    "do_the_intervals_cover.py": (["--help"], "usage"),
    "do_model_and_data_grow_alike.py": (["--help"], "usage"),
    "which_form_forecasts.py": (["--help"], "usage"),
    "from_own_data_to_a_plan.py": (["cancer"], "log-loss 0.1"),
}
NEEDS = {"from_own_data_to_a_plan.py": "sklearn"}


def start(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_loads(script, tmp_path):
    pytest.importorskip("matplotlib")
    load = f"import runpy, sys; sys.path.insert(0, {str(EXAMPLES)!r}); "
    load += f"runpy.run_path({str(EXAMPLES / script)!r}, run_name='loaded')"
    done = start(tmp_path, "-c", load)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", RUNS)
def test_it_runs(script, tmp_path):
    arguments, printed = RUNS[script]
    pytest.importorskip(NEEDS.get(script, "numpy"))
    done = start(tmp_path, str(EXAMPLES / script), *arguments)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout

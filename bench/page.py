"""Results of a run of the benchmarks on one page: JSON for programs, a table for people."""

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("scalecore", "numpy", "scipy", "numba", "numexpr", "torch", "jax", "lmfit", "iminuit")


def processor():
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")


def machine():
    """What a reader must know to compare the figures with those of another machine."""
    import scalecore
    from scalecore._core.bounds import instruction_set
    from scalecore._core.threads import default_threads

    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": default_threads(),
        "instruction set": instruction_set(),
        "load before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": found | {"scalecore": scalecore.__version__},
    }


def write(folder, about, tables):
    """Write bench.json and bench.md; `tables` are rows of conftest.TABLES."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    contests = [
        {
            "title": title,
            "contenders": [
                {
                    "name": name,
                    "median": median,
                    "ratio": median / next(iter(medians.values())),
                    "processors": processors[name],
                    "note": notes.get(name, ""),
                }
                for name, median in medians.items()
            ],
        }
        for title, medians, processors, notes in tables
    ]
    text = json.dumps({"machine": about, "contests": contests}, indent=1)
    (target / "bench.json").write_text(text + "\n")
    lines = ["# Benchmarks", ""]
    lines += [f"* {name}: {_plain(value)}" for name, value in about.items()]
    lines += ["", "The ratio is to the first row of each table, which is ours.", ""]
    for contest in contests:
        lines += [f"## {contest['title']}", "", "| | median | ratio | processors' time | |"]
        lines += ["|---|---:|---:|---:|---|"]
        for row in contest["contenders"]:
            numbers = f"{row['median']:.4g} | {row['ratio']:.2f} | {row['processors']:.4g}"
            lines.append(f"| {row['name']} | {numbers} | {row['note']} |")
        lines.append("")
    (target / "bench.md").write_text("\n".join(lines))


def _plain(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return value

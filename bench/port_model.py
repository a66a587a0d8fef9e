"""What a processor's execution ports allow `error_bound`: a lower limit on its time.

    python bench/port_model.py

llvm-mca, the port model of LLVM, gets the assembler's text of the kernel's three loops (for one K
of 80 or more, d scalar), as gcc makes it, and tells how many cycles a pack takes with all data in
the first cache: where a port is always busy, no order of the instructions is faster. Then it
measures the same on this machine, in cycles of a clock that a chain of multiplications tells. Needs
gcc and an llvm-mca of LLVM 16 or later (Debian: llvm-19).
"""

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from count_instructions import FLAGS, HERE

LOOPS = ("occupancy", "resolution", "result")
PROCESSORS = {  # llvm-mca's name: what is compiled for it, and the lanes of a vector
    "skylake-avx512": ((), 8),
    "sapphirerapids": ((), 8),
    "znver4": ((), 8),
    "znver3": (("-DMODEL_AVX2",), 4),
}


def model_tool():
    """The newest llvm-mca on the path, or None."""
    names = [f"llvm-mca-{version}" for version in range(30, 15, -1)] + ["llvm-mca"]
    return next(filter(shutil.which, names), None)


def loop_of(text, name):
    """The innermost loop around a marker: from its label to the jump back to it."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if f"# loop {name}" in line)
    for first in range(at, -1, -1):
        label = re.match(r"(\.L\w+):", lines[first])
        if label is None:
            continue
        for last in range(at, len(lines)):
            if re.search(rf"\tj\w+\t{re.escape(label.group(1))}$", lines[last]):
                return "\n".join(lines[first : last + 1]) + "\n"
    raise ValueError(f"no loop around the marker {name}")


def modelled(tool, loop, processor):
    """Instructions and cycles of one turn: all in all, and of the busiest port and the divider."""
    told = subprocess.run(
        [tool, f"-mcpu={processor}", "-iterations=200"],
        input=loop,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    total = int(re.search(r"Total Cycles:\s+(\d+)", told).group(1)) / 200
    instructions = int(re.search(r"Instructions:\s+(\d+)", told).group(1)) / 200
    names = re.findall(r"^\[[\d.]+\]\s+- (\S+)$", told, re.M)
    pressure = re.search(r"Resource pressure per iteration:\n.*\n(.*)\n", told).group(1).split()
    busy = {
        name: float(cycles) for name, cycles in zip(names, pressure, strict=True) if cycles != "-"
    }
    busiest = max(busy, key=busy.get)
    return instructions, total, busiest, busy[busiest]


CHAIN = """
void chain(long turns)
{
    long x = 1;
    for (long i = 0; i < turns; i++)
        __asm__ volatile("imul %0, %0; imul %0, %0; imul %0, %0; imul %0, %0;"
                         "imul %0, %0; imul %0, %0; imul %0, %0; imul %0, %0" : "+r"(x));
}
"""


def least_seconds(call):
    """The least of many runs: what the machine does when nothing disturbs it."""
    times = []
    for _ in range(200):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def clock():
    """Cycles a second: each of eight multiplications waits three of them for the one before."""
    turns = 100_000
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "chain.c"), Path(folder, "chain.so")
        source.write_text(CHAIN)
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
        chain = ctypes.CDLL(str(library)).chain
        chain.argtypes = [ctypes.c_long]
        return 24 * turns / least_seconds(lambda: chain(turns))


def measure():
    """Nanoseconds and cycles a point on this machine, on one thread, within its caches."""
    import scalecore as sc

    points = 8192  # fewer than get a second thread
    n, T, out = np.geomspace(1, 1e6, points), np.full(points, 1e6), np.empty(points)
    nanoseconds = 1e9 * least_seconds(lambda: sc.error_bound(n, T, 10, 100, out=out)) / points
    frequency = clock()
    print(
        f"measured here: {nanoseconds:.2f} ns a point, {nanoseconds * frequency / 1e9:.1f} cycles"
        f" at {frequency / 1e9:.2f} GHz"
    )


def main():
    tool = model_tool()
    if tool is None or shutil.which("gcc") is None:
        sys.exit("needs gcc and llvm-mca of LLVM 16 or later")
    print(f"{'processor':<16}{'loop':<12}{'instructions':>12}{'cycles':>9}  busiest")
    for processor, (flags, lanes) in PROCESSORS.items():
        text = subprocess.run(
            ["gcc", *FLAGS, *flags, "-S", str(HERE / "port_model.c"), "-o", "-"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        whole = limit = 0.0
        for name in LOOPS:
            instructions, total, port, busy = modelled(tool, loop_of(text, name), processor)
            whole, limit = whole + total, limit + busy
            print(f"{processor:<16}{name:<12}{instructions:>12.0f}{total:>9.1f}  {port} {busy:.1f}")
        print(
            f"{processor:<16}{'a point':<12}{whole / lanes:>21.2f} cycles,"
            f" at least {limit / lanes:.2f} for the busiest"
        )
    measure()


if __name__ == "__main__":
    main()

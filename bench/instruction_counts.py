"""Instructions per point of the engine's work: AVX2 against NEON, SSE2 against one lane at a time.

    python bench/instruction_counts.py

Instructions, not seconds: NEON runs under emulation here, where time means nothing. x86 is counted
by valgrind, Arm by QEMU's log of every instruction; both for one repeat and for three, and the
difference is that of two repeats. Needs gcc, valgrind, gcc-aarch64-linux-gnu and qemu-user-static.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from engine_build import ENGINE, FLAGS, INCLUDE, ROOT

WORK = ["bounds", "frontier", "network64", "network32", "training64", "training32", "spectral"]
# name: compiler and flags, engine, lanes of doubles
BUILDS = {
    "one lane": (["gcc", "-DSC_ONE_LANE"], "baseline", 1),
    "SSE2": (["gcc"], "baseline", 2),
    "AVX2": (["gcc"], "avx2", 4),
    "NEON": (["aarch64-linux-gnu-gcc", "-static"], "baseline", 2),
}


def build(folder, compiler):
    program = folder / re.sub(r"\W", "_", "_".join(compiler))
    if not program.exists():
        source = ROOT / "bench" / "instruction_counts.c"
        command = [*compiler, *FLAGS, *INCLUDE, source, *ENGINE, "-lm", "-o", program]
        subprocess.run(command, check=True)
    return program


def x86_count(program, *words):
    """Of the whole process, and the points that it prints."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)), int(done.stdout)


def arm_count(program, *words):
    # one line of the log an instruction
    command = ["qemu-aarch64-static", "-singlestep", "-d", "nochain,exec", program, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        count = sum(block.count(b"\n") for block in iter(lambda: process.stderr.read(1 << 20), b""))
        points = int(process.stdout.read())
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return count, points


def per_point(folder, name, work):
    compiler, engine, _ = BUILDS[name]
    program = build(folder, compiler)
    count = arm_count if "aarch64" in compiler[0] else x86_count
    (once, _), (thrice, points) = (count(program, engine, work, str(r)) for r in (1, 3))
    return (thrice - once) / 2 / points


def main(chosen):
    with tempfile.TemporaryDirectory() as folder:
        print(
            f"{'':10} {'instructions a point':^43}  {'SSE2:':>9} {'NEON, a pack:':>13}\n{'':10}",
            *(f"{name:>10}" for name in BUILDS),
            f"{'one lane/':>9} {'to AVX2':>13}",
        )
        for work in chosen or WORK:
            cost = {name: per_point(Path(folder), name, work) for name in BUILDS}
            pack = {name: cost[name] * lanes for name, (_, _, lanes) in BUILDS.items()}
            print(
                f"{work:10}",
                *(f"{value:10.2f}" for value in cost.values()),
                f"{cost['one lane'] / cost['SSE2']:9.2f} {pack['NEON'] / pack['AVX2']:13.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])

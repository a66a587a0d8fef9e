"""Instructions of the engine's kernels for each instruction set: NEON beside AVX2, SSE2 beside one
lane at a time.

    python bench/instruction_sets.py

Instructions, not seconds: NEON runs under emulation here, where time means nothing. The kernels are
those of count_instructions.py. x86 is counted by callgrind; for Arm, QEMU logs every instruction
with the function that it is in, and what lies between a kernel's first and its last is counted.
Takes some minutes. Needs gcc, valgrind, gcc-aarch64-linux-gnu and qemu-user-static.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from count_instructions import compiled, counted

# name: compiler, engine, lanes of doubles
SETS = {
    "one lane": (["gcc", "-DSC_ONE_LANE"], "baseline", 1),
    "SSE2": (["gcc"], "baseline", 2),
    "AVX2": (["gcc"], "avx2", 4),
    "NEON": (["aarch64-linux-gnu-gcc", "-mpc-relative-literal-loads", "-static"], "baseline", 2),
}


def counted_on_arm(program, engine):
    """Instructions of every function measure_*, those of the functions that it calls included."""
    # a line of the log an instruction, which ends with the function's name
    command = ["qemu-aarch64-static", "-singlestep", "-d", "nochain,exec", program, engine]
    first, last, now, lines, rest = {}, {}, None, 0, b""
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while block := process.stderr.read(1 << 22):
            block = rest + block
            done = block.rfind(b"\n") + 1
            block, rest, place = block[:done], block[done:], 0
            for found in re.finditer(rb" measure_(\w+)\n", block):
                lines += block.count(b"\n", place, found.end())
                place = found.end()
                name = found.group(1).decode()
                if name != now:  # of a kernel that is called again the last call counts, as for x86
                    first[name], now = lines, name
                last[name] = lines
            lines += block.count(b"\n", place)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {name: last[name] - first[name] + 1 for name in first}


def counts_of(name):
    compiler, engine, _ = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder), compiler)
        if "aarch64" in compiler[0]:
            return counted_on_arm(program, engine)
        return counted(program, Path(folder), engine)


def main():
    counts = {name: counts_of(name) for name in SETS}
    lanes = {name: lanes for name, (_, _, lanes) in SETS.items()}
    print(f"{'':18}", *(f"{name:>11}" for name in SETS), " one lane/SSE2  NEON/AVX2, a lane")
    for kernel in counts["AVX2"]:
        cost = {name: counts[name][kernel] for name in SETS}
        pack = {name: cost[name] * lanes[name] for name in SETS}
        print(
            f"{kernel:18}",
            *(f"{cost[name]:11,}" for name in SETS),
            f"{cost['one lane'] / cost['SSE2']:14.2f} {pack['NEON'] / pack['AVX2']:17.2f}",
        )


if __name__ == "__main__":
    main()

"""Instructions of the engine's kernels, counted by callgrind and compared with a committed file.

    python bench/count_instructions.py            # fails if a kernel needs 3 % more than it did
    python bench/count_instructions.py --write    # after a change that is meant to move them

Unlike times, counts are the same on every machine: the engine is compiled here, by the compiler
that the file names, and runs with AVX2. With another compiler or valgrind, counts say nothing about
a change; then this says so and succeeds. A kernel that needs 3 % less fails nothing, and is named.
It takes about a minute. Needs valgrind and gcc; nothing of Python's.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "csrc"
DRIVER = HERE / "counted_kernels.c"
COUNTS = HERE / "instruction_counts.json"
INSTRUCTION_SET = "avx2"  # valgrind has no AVX-512
MOST = 0.03
FLAGS = [  # those of setup.py, and nothing of this machine
    *("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-wrapv", "-g0", "-I", str(SOURCES), "-I", str(HERE.parent / "scalecore" / "include")),
]


def version(tool):
    """What a tool calls itself, or None where it is missing."""
    try:
        said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.splitlines()[0]


def compiled(folder, compiler=("gcc",)):
    """The program that runs the kernels."""
    sources = [path for path in sorted(SOURCES.glob("*/*.c")) if path.parent.name != "tests"] + [
        DRIVER
    ]

    def compile_one(source):
        target = folder / f"{source.parent.name}_{source.stem}.o"
        subprocess.run([*compiler, *FLAGS, "-c", str(source), "-o", str(target)], check=True)
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    program = folder / "kernels"
    subprocess.run([*compiler, *objects, "-lm", "-o", str(program)], check=True)
    return program


def counted(program, folder, instruction_set=INSTRUCTION_SET):
    """Instructions of every function measure_*; callgrind writes a file whenever one returns."""
    names = re.findall(r"^MEASURED measure_(\w+)", DRIVER.read_text(), re.M)
    subprocess.run(
        [
            *("valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'out'}"),
            *("--toggle-collect=measure_*", "--quiet"),
            *(f"--dump-after=measure_{name}" for name in names),
            *(str(program), instruction_set),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    counts = {}
    parts = [path for path in folder.glob("out.*") if path.suffix[1:].isdigit()]
    for part in sorted(parts, key=lambda path: int(path.suffix[1:])):
        text = part.read_text()
        trigger = re.search(r"^desc: Trigger: --dump-after=measure_(\w+)", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if trigger and total:
            counts[trigger.group(1)] = int(total.group(1))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--write", action="store_true", help="write the committed file")
    write = parser.parse_args().write
    tools = {"compiler": version("gcc"), "valgrind": version("valgrind")}
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    for name, found in tools.items():
        if found is None or (not write and found != known.get(name)):
            print(f"instructions are not counted: {name} is {found}, and was {known.get(name)}")
            return 0
    with tempfile.TemporaryDirectory() as folder:
        counts = counted(compiled(Path(folder)), Path(folder))
    if write:
        COUNTS.write_text(json.dumps(tools | {"instructions": counts}, indent=2) + "\n")
    before, slower = known.get("instructions", {}), []
    print(f"{'kernel':<24}{'instructions':>14}{'change':>10}")
    for name, count in counts.items():
        change = count / before.get(name, count) - 1
        print(f"{name:<24}{count:>14,}{change:>+10.2%}")
        if change > MOST:
            slower.append(name)
    missing = set(before) ^ set(counts)
    if write:
        return 0
    if missing:
        print(f"not in both: {', '.join(sorted(missing))}; --write makes the file anew")
    if slower:
        print(f"more than {MOST:.0%} slower: {', '.join(slower)}; if meant, --write and say why")
    return 1 if slower or missing else 0


if __name__ == "__main__":
    sys.exit(main())

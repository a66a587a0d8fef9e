"""How a C program of these benchmarks is compiled, with or without the engine's own files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    "-std=c11",
    "-D_POSIX_C_SOURCE=200809L",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
]
ENGINE = sorted(path for path in ROOT.glob("csrc/*/*.c") if path.parent.name != "tests")
INCLUDE = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'scalecore' / 'include'}"]

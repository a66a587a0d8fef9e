"""Do model and data grow alike? The exponent d log N*/d log C of every table of training runs in a
folder, by every method, beside what theory and simulation say; and the papers' own law beside the
empirical ones.

    python do_model_and_data_grow_alike.py [FOLDER] [--out RESULTS]

FOLDER holds CSV files (by default ../shared/data beside the clone, or what SCALECORE_DATA names).
The public tables that the page "Do model and data grow alike?" uses are known by name, with what
has to be minded in each; any other CSV is read as `RunTable.read` reads it. Writes
RESULTS/growth.csv and RESULTS/growth.png; some two minutes on two cores.
"""

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import scalecore as sc

FORMS = ("additive", "tied", "coupled")
WITH_REPEATS = ("repeated", "repeated_penalty")
RESAMPLES = 300
# bounds and trained networks at (d, K), from docs/training.md (does_theory_describe_training.py)
TRAINED = {
    "trained networks (10, 100)": (0.264, 0.230, 0.301),
    "trained networks (10, 1000)": (0.250, 0.227, 0.298),
    "trained networks (40, 100)": (0.338, 0.262, 0.403),
}
# compute_optimal(np.geomspace(1e5, 1e8, 13), 10, 100, bound=...), which builds a table first
SPECTRAL = {"spectral_bound (10, 100), C to 1e8": 0.476, "refined_bound (10, 100), C to 1e8": 0.407}
BUDGETS = (1e6, 1e12, 1e18, 1e24)
FIELDS = ("table", "N", "rows", "method", "exponent", "low", "high", "compute", "status")
FIELDS += ("objective", "forecast", "weight")


class Runs(NamedTuple):
    """A table to look at: its name, which N was counted, and whether the picture shows it."""

    name: str
    size: str
    table: sc.RunTable
    shown: bool = True


# ---- tables --------------------------------------------------------------------------------------


def columns(path: Path) -> dict[str, np.ndarray]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def table_of(data, chosen, size="N", loss="L", **others) -> sc.RunTable:
    """Return the chosen rows as a table; `others` are names of columns by argument of RunTable."""
    numbers = [data[name][chosen].astype(float) for name in (size, "D", loss)]
    more = {
        key: data[name][chosen] if key == "run" else data[name][chosen].astype(float)
        for key, name in others.items()
    }
    return sc.RunTable(*numbers, **more)


def chinchilla(path: Path) -> Iterator[Runs]:
    """Digitised from a figure; the five highest losses are far from any surface."""
    data = columns(path)
    loss = data["L"].astype(float)
    yield Runs("Chinchilla", "all", table_of(data, loss < np.sort(loss)[-5]))


def gemstones(path: Path) -> Iterator[Runs]:
    """Checkpoints of one run are not independent; embeddings are a fifth of the smallest models."""
    data = columns(path)
    for subset in np.unique(data["subset"]):
        chosen = data["subset"] == subset
        named = {"run": "run_name"} if (data["run_name"][chosen] != "").all() else {}
        shown = subset in ("hot", "cool_end")
        yield Runs(f"Gemstones {subset}", "all", table_of(data, chosen, **named), shown)
        if (data["N_no_embed"][chosen] != "").all() and shown:
            table = table_of(data, chosen, "N_no_embed", **named)
            yield Runs(f"Gemstones {subset}", "no embeddings", table, shown)


def porian(path: Path) -> Iterator[Runs]:
    """From Kaplan's answer to Chinchilla's: what is counted, warm-up, decay, tuning."""
    data = columns(path)
    keys = ("dataset", "hparams", "warmup", "decay", "param_count")
    names = np.array(
        [" ".join(row) for row in zip(*(data[key] for key in (*keys, "file")), strict=True)]
    )
    counted = {
        "kaplan": "no embeddings, no head",
        "standard": "no embeddings",
        "attention": "no embeddings, with attention",
    }
    for name in dict.fromkeys(names):
        chosen = names == name
        dataset, *steps, count = (data[key][chosen][0] for key in keys)
        shown = dataset == "rw" and data["file"][chosen][0] == "summary_df"
        label = f"Porian {dataset} {', '.join(steps)}"
        yield Runs(label, counted[count], table_of(data, chosen, compute="C"), shown)


def open_lm(path: Path) -> Iterator[Runs]:
    """Token multipliers from 5 to 640; the loss is that on C4's validation set."""
    data = columns(path)
    loss = next(name for name in data if name.startswith("loss_c4"))
    for dataset in np.unique(data["dataset"]):
        chosen = data["dataset"] == dataset
        for size, said in (("N", "all"), ("N_no_embed", "no embeddings")):
            yield Runs(f"open_lm {dataset}", said, table_of(data, chosen, size, loss))


def olmo(path: Path) -> Iterator[Runs]:
    """The ladder, and of the 7B and 13B models only the last checkpoint, after annealing."""
    data = columns(path)
    large = np.char.startswith(data["run"], "peteish")
    final = np.isin(data["run"], ["peteish7_eval_anneal", "peteish13_eval_final"])
    yield Runs("OLMo ladder", "all", table_of(data, ~large | final, loss="c4_en_loss"))


def datablations(path: Path) -> Iterator[Runs]:
    """Up to hundreds of epochs; the 182 runs that its authors fitted."""
    data = columns(path)
    chosen = data["excluded_as_outlier"] == "False"
    yield Runs("Datablations", "all", table_of(data, chosen, unique_samples="U"))


KNOWN = {
    "chinchilla_epoch.csv": chinchilla,
    "gemstones.csv": gemstones,
    "porian_isoflop.csv": porian,
    "open_lm_overtraining.csv": open_lm,
    "olmo_ladder_final.csv": olmo,
    "datablations_fit182.csv": datablations,
}
NO_RUNS = ("gemstones_reference_fits.csv", "porian_optima.csv", "porian_published_fits.csv")


def tables(folder: Path) -> Iterator[Runs]:
    for path in sorted(folder.glob("*.csv")):
        if path.name in KNOWN:
            yield from KNOWN[path.name](path)
        elif path.name not in NO_RUNS:
            yield Runs(path.stem, "as given", sc.RunTable.read(path, drop_invalid=True))


# ---- exponents -----------------------------------------------------------------------------------


def surface_rows(runs: Runs) -> Iterator[dict]:
    """By surface: each form, the stacked law, and the papers' own law, at the largest compute."""
    table = runs.table
    forms = FORMS + (WITH_REPEATS if table.unique_samples is not None else ())
    found = sc.compare(table, forms, resamples=RESAMPLES, rng=0)
    theirs = sc.fit(table, "jeon_vanroy", resamples=RESAMPLES // 3, rng=0)
    cuts = [fold.compute for fold in found.folds]
    forecasts = dict(found.mean_error)
    forecasts["stacked"] = float(found.stacked_error.mean()) if cuts else np.nan
    if cuts:
        alone = sc.compare(table, ("jeon_vanroy",), cuts, resamples=0)
        forecasts["jeon_vanroy"] = alone.mean_error["jeon_vanroy"]
    laws = dict(found.laws)
    if found.law is not None:
        laws["stacked"] = found.law
    for name, law in {**laws, "jeon_vanroy": theirs}.items():
        best = law.compute_optimal(table.flops.max())
        yield {
            "method": name,
            "exponent": float(best.elasticity),
            "low": float(best.elasticity_low),
            "high": float(best.elasticity_high),
            "compute": float(table.flops.max()),
            "status": found.status.name if name == "stacked" else law.status.name,
            "objective": law.objective,
            "forecast": forecasts.get(name, np.nan),
            "weight": found.weights.get(name, np.nan),
        }


def classical_rows(runs: Runs) -> Iterator[dict]:
    """By parabolas at equal compute, and by the lower envelope."""
    for method, result in (
        ("isoflop", sc.isoflop_profiles(runs.table)),
        ("envelope", sc.envelope(runs.table)),
    ):
        low, high = result.elasticity_interval
        good = int(np.count_nonzero(result.status == sc.ProfileStatus.INTERIOR))
        yield {
            "method": method,
            "exponent": float(result.elasticity),
            "low": float(low),
            "high": float(high),
            "compute": np.nan,
            "status": f"{good} of {len(result.status)} budgets",
        }


def field_rows(folder: Path) -> Iterator[tuple[Runs, dict]]:
    for runs in tables(folder):
        for row in (*surface_rows(runs), *classical_rows(runs)):
            common = {"table": runs.name, "N": runs.size, "rows": len(runs.table)}
            yield runs, {**dict.fromkeys(FIELDS, np.nan), **common, **row}


def theory_rows() -> Iterator[dict]:
    """Exponents of the bounds, and of networks trained on the bounds' own process."""
    for budget in BUDGETS:
        exponent = float(sc.compute_optimal(budget, 10, 100).elasticity)
        name = f"error_bound (10, 100), C = {budget:.0e}"
        yield {"table": "theory", "method": name, "exponent": exponent, "compute": budget}
    for name, exponent in SPECTRAL.items():
        yield {"table": "theory", "method": name, "exponent": exponent}
    for name, (exponent, low, high) in TRAINED.items():
        yield {
            "table": "simulation",
            "method": name,
            "exponent": exponent,
            "low": low,
            "high": high,
        }


# ---- what is written -----------------------------------------------------------------------------

STYLES = {  # method: colour, marker; "tied" is one half by construction
    "additive": ("tab:blue", "o"),
    "coupled": ("tab:purple", "D"),
    "stacked": ("black", "*"),
    "jeon_vanroy": ("tab:red", "X"),
    "isoflop": ("tab:green", "^"),
    "envelope": ("tab:olive", "v"),
}


def picture_lines(field: list[tuple[Runs, dict]], other: list[dict]) -> dict[str, list[dict]]:
    """Return what the picture shows: rows by label, theory first."""
    lines = {row["method"]: [row] for row in other}
    for runs, row in field:
        if runs.shown and row["method"] in STYLES and np.isfinite(row["low"]):
            lines.setdefault(f"{runs.name} (N: {runs.size})", []).append(row)
    return lines


def draw(lines: dict[str, list[dict]], theory: int, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(9, 0.33 * len(lines) + 1.2), layout="constrained")
    ax.axvline(0.5, color="0.5", linestyle="--", linewidth=1)
    for y, rows in enumerate(lines.values()):
        for i, row in enumerate(rows):
            colour, marker = STYLES.get(row["method"], ("0.25", "o"))
            at = y + 0.13 * (i - (len(rows) - 1) / 2)
            ends = np.clip([row.get("low", np.nan), row.get("high", np.nan)], -1, 2)
            ax.plot(ends, [at, at], color=colour, linewidth=1.4, alpha=0.7)
            ax.plot(row["exponent"], at, marker, color=colour, markersize=5)
    for method, (colour, marker) in STYLES.items():
        ax.plot([], [], marker, color=colour, label=method, linestyle="none")
    for y in (theory - len(TRAINED) - 0.5, theory - 0.5):
        ax.axhline(y, color="0.7", linewidth=0.8)
    for y, name in ((0, "theory"), (theory - len(TRAINED), "simulation"), (theory, "the field")):
        ax.text(0.99, y, name, ha="right", va="center", style="italic", color="0.35")
    ax.set_yticks(range(len(lines)), list(lines), fontsize=8)
    ax.set(ylim=(len(lines) - 0.4, -0.6), xlim=(0.15, 1), xlabel="d log N* / d log C")
    figure.suptitle("One half: model and data grow alike")
    figure.legend(loc="outside lower center", ncols=len(STYLES), fontsize=8)
    figure.savefig(path, dpi=140)


def say(row: dict) -> str:
    def number(name: str, unit: float = 1.0, digits: int = 3) -> str:
        value = row.get(name, np.nan)
        return "–" if not np.isfinite(value) else f"{unit * value:.{digits}f}"

    who = f"{row['table']} (N: {row['N']}, {row['rows']} rows)"
    what = f"{row['method']:16s} {number('exponent')} [{number('low')}, {number('high')}]"
    fit = f"objective {number('objective', 1, 6)} forecast {number('forecast', 100, 2)} %"
    return f"{who:70s} {what:42s} {fit} {row['status']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    default = os.environ.get("SCALECORE_DATA", beside)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--out", type=Path, default=Path("results"))
    asked = parser.parse_args()
    if not any(asked.folder.glob("*.csv")):
        parser.error(f"{asked.folder} holds no CSV files")
    asked.out.mkdir(parents=True, exist_ok=True)
    other = list(theory_rows())
    field = []
    for runs, row in field_rows(asked.folder):
        print(say(row), flush=True)
        field.append((runs, row))
    with open(asked.out / "growth.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*other, *(row for _, row in field)])
    draw(picture_lines(field, other), len(other), asked.out / "growth.png")


if __name__ == "__main__":
    main()

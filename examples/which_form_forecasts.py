"""Which form forecasts larger runs? Every form, the stacked law and the chosen form of `compare`,
fitted to the smaller runs of public tables and scored on the larger ones that none of them saw.

    python which_form_forecasts.py [FOLDER] [--out RESULTS]

FOLDER is as for do_model_and_data_grow_alike.py. Errors are means of |ln(forecast/loss)|. Writes
RESULTS/forecasts.csv; half a minute on two cores.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from do_model_and_data_grow_alike import tables

import scalecore as sc

FORMS = ("additive", "tied", "coupled")
LAST = 12.0  # the runs within this factor of the largest compute are held out ...
SIZES = {"Gemstones": 1e9, "open_lm": 1e9, "OLMo": 5e9, "Datablations": 2e9}  # ... or larger models


def splits(folder):
    """Yield (name, table to compare on, rows held out)."""
    for runs in tables(folder):
        table, name = runs.table, f"{runs.name} (N: {runs.size})"
        size = next((s for start, s in SIZES.items() if name.startswith(start)), None)
        if size is not None:
            held_out = table.parameters >= size
            yield f"{name}: N < {size:.0e}", table.where(~held_out), table.where(held_out)
        if size is None or name.startswith("open_lm"):
            held_out = table.flops > table.flops.max() / LAST
            cut = f"{name}: C < largest/{LAST:.0f}"
            yield cut, table.where(~held_out), table.where(held_out)


def error(law, table):
    forecast = law.predict(table.parameters, table.samples, unique_samples=table.unique_samples)
    return float(np.abs(np.log(forecast.loss / table.loss)).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    default = os.environ.get("SCALECORE_DATA", beside)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--out", type=Path, default=Path("results"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, smaller, larger in splits(asked.folder):
        if not len(larger) or len(smaller) < 15:
            continue
        forms = (
            FORMS if smaller.unique_samples is None else (*FORMS, "repeated", "repeated_penalty")
        )
        found = sc.compare(smaller, forms, resamples=0)
        errors = {form: error(law, larger) for form, law in found.laws.items()}
        least = np.nanmin(list(errors.values()))
        row = {"split": name, "fitted": len(smaller), "scored": len(larger), **errors}
        row["stacked"] = error(found.law, larger) if found.law is not None else np.nan
        row["chosen"] = errors[found.best] if found.best is not None else np.nan
        row["best"] = found.best
        row["status"] = found.status.name
        row["stacked / least"], row["chosen / least"] = (
            row["stacked"] / least,
            row["chosen"] / least,
        )
        rows.append(row)
        shown = "  ".join(f"{k} {100 * row[k]:.2f}" for k in (*errors, "stacked", "chosen"))
        print(f"{name:78s} {shown} ({found.best}, {found.status.name})", flush=True)
    if not rows:
        parser.error(f"no tables with larger runs to hold out in {asked.folder}")
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with open(asked.out / "forecasts.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    least = np.array([min(row[form] for form in FORMS if np.isfinite(row[form])) for row in rows])
    print(
        f"\n{len(rows)} splits; error over that of the best form in hindsight, and over additive's"
    )
    for name in (*FORMS, "stacked", "chosen"):
        e = np.array([row[name] for row in rows])
        ratio = e / least
        against = np.nanmedian(e / [row["additive"] for row in rows])
        print(
            f"{name:10s} median {np.nanmedian(ratio):.2f}, largest {np.nanmax(ratio):.2f}, "
            f"within 2 in {np.mean(ratio <= 2):.0%}; median over additive {against:.3f}"
        )


if __name__ == "__main__":
    main()

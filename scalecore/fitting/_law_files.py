"""Laws as JSON files: everything that a law is made of, with all digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._common.atomic_files import atomic_write
from .._common.validation import one_of
from .._common.validation import path as checked_path
from .._core.bounds import VERSION
from ._centre import Centre
from ._certificate import Certificate, FitStatus
from ._checked_rows import LOSS_SCALES, frozen
from ._forms import FORMS
from ._run_table import RunTable
from ._user_form import form_of

if TYPE_CHECKING:
    from .._common.annotations import FilePath
    from ._fitted_law import FittedLaw
    from ._user_form import AnyForm

FORMAT = "scalecore fitted law"
FORMAT_VERSION = 1
_COLUMNS = ("parameters", "samples", "loss", "compute", "unique_samples", "weight", "progress")


def save(law: FittedLaw, path: FilePath) -> None:
    """Write a law, whole or not at all."""
    text = text_of(law)
    with atomic_write(Path(checked_path("path", path))) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def text_of(law: FittedLaw) -> str:
    """Return the law as the text of a file."""
    law.form.refuse_mixture("the file")
    table = law.table
    runs: dict[str, Any] = {name: _list(getattr(table, name)) for name in _COLUMNS}
    runs["run"] = (
        None if table.run_codes is None else [table.run_names[code] for code in table.run_codes]
    )
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "scalecore": VERSION,
        "form": law.form.name,
        "values": law.values,
        "loss": law.loss_function,
        "delta": law.delta,
        "objective": law.objective,
        "status": law.status.name,
        "certificate": {**vars(law.certificate), "eigenvalues": _list(law.certificate.eigenvalues)},
        "intervals": law.intervals,
        "by": law.by,
        "key": law.key,
        "theta": _list(law.theta),
        "centre": vars(law.centre),
        "theta_draws": law.theta_draws.tolist(),
        "data_hash": table.data_hash,
        "loss_unit": table.loss_unit,
        "cost": table.cost,
        "runs": runs,
        "reading": {
            "rows": table.rows.tolist(),
            "dropped": table.dropped.tolist(),
            "columns": table.columns,
            "notes": list(table.notes),
        },
    }
    return json.dumps(_plain(content), indent=1, allow_nan=False)


def load(cls: type[FittedLaw], path: FilePath, form: AnyForm | None) -> FittedLaw:
    """Read a law, and refuse what is not one."""
    place = checked_path("path", path)
    with open(place, encoding="utf-8") as file:
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"path {place!r} is not a fitted law: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"path {place!r} is not a fitted law: FittedLaw.save writes one")
    if content.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"path {place!r} has format version {content.get('format_version')!r}, not "
            f"{FORMAT_VERSION}"
        )
    try:
        return _law_of(cls, content, form)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"path {place!r} is not a whole fitted law: {error!r}") from error


def _law_of(cls: type[FittedLaw], content: dict[str, Any], form: AnyForm | None) -> FittedLaw:
    row = form_of(content["form"] if form is None else form, FORMS)
    if row.name != content["form"]:
        raise ValueError(f"form is {row.name!r}, and the law was fitted with {content['form']!r}")
    # losses are stored in nats, whatever the user's unit
    table = RunTable(**content["runs"], cost=content["cost"])
    if table.data_hash != content["data_hash"]:
        raise ValueError("the runs are not those of data_hash: the file was changed")
    table = RunTable._of(
        {
            **vars(table),
            **_reading(content.get("reading"), len(table)),
            "loss_unit": one_of("loss_unit", content["loss_unit"], LOSS_SCALES),
        }
    )
    theta, draws = np.array(content["theta"], float), np.array(content["theta_draws"], float)
    draws = draws.reshape(-1, len(row.parameters))
    if theta.shape != (len(row.parameters),):
        raise ValueError(
            f"theta has {theta.size} numbers, the form {len(row.parameters)} parameters"
        )
    made = dict(content["certificate"])
    made["eigenvalues"], made["at_edge"] = (
        np.array(made["eigenvalues"], float),
        tuple(made["at_edge"]),
    )
    made["scaled_gradient"] = _number(made["scaled_gradient"], np.nan)
    made["condition"] = _number(made["condition"], np.inf)
    return cls(
        table=table,
        form=row,
        theta=theta,
        centre=Centre(**{name: _number(mean, np.nan) for name, mean in content["centre"].items()}),
        loss_function=content["loss"],
        delta=_number(content["delta"], np.nan),
        objective=_number(content["objective"], np.nan),
        status=FitStatus[content["status"]],
        certificate=Certificate(**made),
        theta_draws=draws,
        intervals=content["intervals"],
        by=content["by"],
        key=content["key"],
    )


def _reading(told: dict[str, Any] | None, count: int) -> dict[str, Any]:
    """Return where the runs stood in what the user gave, and how it was read."""
    if told is None:  # a file of an older version
        return {}
    rows, dropped = (frozen(np.array(told[name], np.int64)) for name in ("rows", "dropped"))
    if rows.shape != (count,):
        raise ValueError(f"reading has {rows.size} rows, the table {count}")
    columns = {str(name): str(column) for name, column in told["columns"].items()}
    return {
        "rows": rows,
        "dropped": dropped,
        "columns": columns,
        "notes": tuple(map(str, told["notes"])),
    }


def _list(array: Any) -> Any:
    return None if array is None else np.asarray(array).tolist()


def _plain(value: Any) -> Any:
    """Return the same with null for numbers that are not finite, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _number(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)

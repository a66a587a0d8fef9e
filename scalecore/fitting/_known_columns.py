"""Which column of a file or frame is what: names that people use, and units in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._common.validation import describe, known_name
from ._heading_units import MULTIPLES, factor_of, loss_unit_of

# Names in lower case, one underscore for whatever is no letter or digit; the plainest first.
KNOWN: dict[str, tuple[str, ...]] = {
    "parameters": (
        *(
            "n",
            "parameters",
            "params",
            "n_params",
            "num_params",
            "nparams",
            "n_parameters",
            "num_parameters",
            "param_count",
        ),
        *(
            "parameter_count",
            "total_params",
            "total_parameters",
            "model_params",
            "model_parameters",
            "model_size",
        ),
        *(
            "n_no_embed",
            "non_embedding_parameters",
            "non_embedding_params",
            "params_no_embed",
            "n_non_embedding",
        ),
    ),
    "samples": (
        *(
            "d",
            "tokens",
            "samples",
            "n_tokens",
            "num_tokens",
            "ntokens",
            "training_tokens",
            "train_tokens",
            "tokens_seen",
        ),
        *(
            "total_tokens",
            "n_samples",
            "num_samples",
            "token_count",
            "dataset_size",
            "training_samples",
        ),
    ),
    "loss": (
        *(
            "l",
            "loss",
            "final_loss",
            "val_loss",
            "validation_loss",
            "eval_loss",
            "test_loss",
            "train_loss",
            "training_loss",
        ),
        *("cross_entropy", "nll"),
    ),
    "compute": (
        *(
            "c",
            "flops",
            "flop",
            "compute",
            "training_flops",
            "train_flops",
            "total_flops",
            "training_flop",
            "training_compute",
        ),
        "train_compute",
    ),
    "unique_samples": ("u", "unique_tokens", "unique_samples", "n_unique", "unique_data"),
    "run": ("run", "run_name", "run_id", "runid", "run_names", "run_uuid"),
    "weight": ("weight", "weights", "sample_weight"),
    "progress": ("progress", "schedule_progress", "fraction_done", "fraction_of_schedule"),
}
_SYNONYMS = {
    "tokens": "samples",
    "N": "parameters",
    "D": "samples",
    "L": "loss",
    "C": "compute",
    "U": "unique_samples",
}
_REQUIRED = ("parameters", "samples", "loss")
_COUNTED = ("parameters", "samples", "unique_samples")
_COUNTS = {name for quantity in _COUNTED for name in KNOWN[quantity]}
# words of a heading that names a loss, and what else of it
_OF_A_LOSS = {"std", "stdev", "stderr", "sem", "se", "var", "variance", "err", "ci", "low", "high"}
_OF_A_LOSS |= {"lower", "upper", "delta", "diff", "difference", "improvement", "scale", "weight"}


@dataclass(frozen=True)
class Choice:
    """The column taken for a quantity, and the factor or unit that its heading names."""

    column: str
    factor: float = 1.0
    loss_unit: str | None = None
    asked: bool = False  # whether the user named the column
    others: tuple[str, ...] = ()  # other columns that have usual names too
    unknown_unit: str = ""  # what the heading says and is not understood

    def __str__(self) -> str:
        return self.column + (f" × {self.factor:g}" if self.factor != 1 else "")


def _plain(heading: str) -> tuple[str, str]:
    """Return a heading's name in lower case and the unit behind it: in brackets, or as the last
    word of a name that is known without it, as in params_m and train_tokens_B.
    """
    text = heading.strip().lstrip("\ufeff").lower()
    match = re.fullmatch(r"(.+?)\s*[\(\[]([^()\[\]]*)[\)\]]", text)
    name, unit = match.groups() if match else (text, "")
    name = re.sub(r"[^a-z0-9]+", "_", name).strip("_")
    first, _, last = name.rpartition("_")
    # of one letter, as in d_k, a name is too short to know what its last word is
    first = first.removesuffix("_in")
    if not unit and len(first) > 1 and first in _COUNTS and last.rstrip("s") in MULTIPLES:
        return first, last
    return name, unit.strip()


def _choice(quantity: str, heading: str, asked: bool) -> Choice:
    name, unit = _plain(heading)
    choice = Choice(heading, asked=asked)
    if quantity == "loss":
        loss_unit = loss_unit_of(name, unit)
        return replace(
            choice, loss_unit=loss_unit or None, unknown_unit=unit if loss_unit is None else ""
        )
    if quantity not in (*_COUNTED, "compute") or not unit:
        return choice
    factor = factor_of(unit, quantity == "compute")
    if factor is None:
        return replace(choice, unknown_unit=unit)
    return replace(choice, factor=factor)


def choose(
    source: str, headings: Sequence[str], columns: Mapping[str, Any] | None
) -> dict[str, Choice]:
    """Choose a column for each quantity: the one asked for, else one with a known name.

    Returns the choices, and notes on what else might have been meant.
    """
    asked = _asked(columns)
    found: dict[str, Choice] = {}
    for quantity, names in KNOWN.items():
        if quantity in asked:
            if asked[quantity] is not None:
                found[quantity] = _choice(
                    quantity, _named(source, quantity, asked[quantity], headings), True
                )
            continue
        taken = {choice.column for choice in found.values()}
        matches = sorted(
            (h for h in headings if _plain(h)[0] in names and h not in taken),
            key=lambda h: names.index(_plain(h)[0]),
        )
        if not matches and quantity == "loss":
            matches = _losses(source, headings)
        if not matches:
            continue
        choice = _choice(quantity, _unique(source, matches[0], headings), False)
        if choice.unknown_unit and quantity in _REQUIRED:
            raise ValueError(
                f"{source}: the unit in {choice.column!r} is not understood; write another, or "
                f"columns={{{quantity!r}: {choice.column!r}}} to take its numbers as they stand"
            )
        found[quantity] = replace(choice, others=tuple(matches[1:]))
    missing = [quantity for quantity in _REQUIRED if quantity not in found]
    if missing:
        raise ValueError(
            f"{source} has no column with a usual name for {' and '.join(missing)}; say which it "
            "is with "
            f"columns={{{missing[0]!r}: ...}}; the columns there are {_list(headings)}"
            + _perplexity_hint(missing, headings)
        )
    return found


def _asked(columns: Mapping[str, Any] | None) -> dict[str, Any]:
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise TypeError(
            f"columns must be a dict from quantities to names of columns, got {describe(columns)}"
        )
    asked = {}
    for name, column in columns.items():
        quantity = _SYNONYMS.get(name, name)
        known_name(f"columns has no quantity {name!r}; they are", quantity, KNOWN)
        if quantity in asked:
            raise ValueError(f"columns names {quantity} twice")
        if column is None and quantity in _REQUIRED:
            raise ValueError(f"columns[{name!r}] must name a column, got None")
        asked[quantity] = column
    return asked


def _named(source: str, quantity: str, column: Any, headings: Sequence[str]) -> str:
    """Return the heading asked for: this text, or the only one like it but for case or blanks."""
    text = str(column)
    if text not in headings:
        close = [
            heading for heading in headings if heading.strip().casefold() == text.strip().casefold()
        ]
        if len(close) != 1:
            known_name(
                f"{source} has no column {text!r}, which columns[{quantity!r}] asks for; the "
                "columns there are",
                text,
                headings,
            )
        text = close[0]
    return _unique(source, text, headings)


def _unique(source: str, heading: str, headings: Iterable[str]) -> str:
    if list(headings).count(heading) > 1:
        raise ValueError(
            f"{source} has several columns {heading!r}: which one is meant cannot be told"
        )
    return heading


def _losses(source: str, headings: Sequence[str]) -> list[str]:
    """Return the one column whose name has the word loss in it, or none."""
    words = {heading: set(_plain(heading)[0].split("_")) for heading in headings}
    with_loss = [h for h in headings if "loss" in words[h] and not words[h] & _OF_A_LOSS]
    if len(with_loss) > 1:
        raise ValueError(
            f"{source} has several losses; choose one with columns={{'loss': ...}}: "
            f"{_list(with_loss)}"
        )
    return with_loss


def _perplexity_hint(missing: Sequence[str], headings: Sequence[str]) -> str:
    perplexities = [
        heading
        for heading in headings
        if {"perplexity", "ppl"} & set(_plain(heading)[0].split("_"))
    ]
    return (
        f"; the loss is the logarithm of {perplexities[0]!r}"
        if "loss" in missing and perplexities
        else ""
    )


def _list(headings: Sequence[str]) -> str:
    return ", ".join(map(repr, headings)) or "none"

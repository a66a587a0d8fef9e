"""A table of training runs: what every fit starts from, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checked_rows import QUANTITIES, REQUIRED, checked_fields
from ._columns import float_column, run_codes
from ._run_rows import RunRows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._common.annotations import FilePath
    from ._findings import Finding
    from ._sensitivity import Influence


@dataclass(frozen=True, eq=False, repr=False, init=False)
class RunTable(RunRows):
    """Training runs, one a row: parameters N, training samples (tokens) D, and the loss reached.

    Every row is checked once, here; what uses a table can rely on it. All arrays are read-only
    copies, contiguous.

    Parameters
    ----------
    parameters, samples, loss : array_like, shape (n,)
        N, D and the loss per sample, in nats or in bits (see `loss_unit`); positive and finite.
        Samples and tokens are one thing.
    compute : array_like, shape (n,), optional
        FLOPs really spent. Without it a run is taken to cost ``cost * N * D``.
    unique_samples : array_like, shape (n,), optional
        Distinct samples in the training data, where they were read more than once.
    run : array_like, shape (n,), optional
        Name or number of the training run that a row is a checkpoint of. Rows of one run are not
        independent.
    weight : array_like, shape (n,), optional
        Weights of the rows, positive.
    loss_unit : {"nats", "bits"}
        Unit of `loss` as given. The attribute `loss` is in nats in either case.
    progress : array_like, shape (n,), optional
        Share of the learning-rate schedule that was over, above 0 and up to 1.
    cost : float, default 6
        FLOPs per parameter and sample.
    drop_invalid : bool, default False
        Leave out rows that cannot be used (missing, not finite or not positive) instead of refusing
        the table; `dropped` says which.

    Attributes
    ----------
    parameters, samples, loss : ndarray of float64, shape (n,)
    compute, unique_samples, weight, progress : ndarray of float64, shape (n,), or None
    run_codes : ndarray of int64, shape (n,), or None
        Number of each row's run, from 0 in the order in which runs appear.
    run_names : tuple of str
        Names of the runs, by number.
    rows : ndarray of int64, shape (n,)
        Where each row stood in what the user gave, from 0 (in a file: after the heading).
    dropped : ndarray of int64
        Rows that `drop_invalid` left out.
    columns : dict
        Which column of a file or frame was taken for what.
    notes : tuple of str
        What a reader decided and a user should know.
    loss_unit : str
    cost : float

    Raises
    ------
    TypeError, ValueError
        If an argument is not numbers, lengths differ, or rows cannot be used; the message has
        their numbers.

    Examples
    --------
    >>> import scalecore as sc
    >>> table = sc.RunTable([1e8, 1e8, 4e8, 4e8], [2e9, 8e9, 2e9, 8e9], [3.4, 3.1, 3.2, 2.8])
    >>> table
    RunTable(4 runs, N 1e+08 to 4e+08, D 2e+09 to 8e+09, loss 2.8 to 3.4 nats)
    >>> table.flops
    array([1.20e+18, 4.80e+18, 4.80e+18, 1.92e+19])
    >>> len(table.where(table.parameters > 2e8))
    2
    """

    def __init__(
        self,
        parameters: ArrayLike,
        samples: ArrayLike,
        loss: ArrayLike,
        compute: ArrayLike | None = None,
        unique_samples: ArrayLike | None = None,
        run: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        loss_unit: str = "nats",
        *,
        progress: ArrayLike | None = None,
        cost: float = 6.0,
        drop_invalid: bool = False,
    ) -> None:
        given = (parameters, samples, loss, compute, unique_samples, weight, progress)
        arrays = {
            name: float_column(name, values)
            for name, values in zip(QUANTITIES, given, strict=True)
            if values is not None or name in REQUIRED
        }
        labels = None if run is None else run_codes("run", run)
        vars(self).update(
            checked_fields(
                arrays, labels, loss_unit=loss_unit, cost=cost, drop_invalid=drop_invalid
            )
        )

    @classmethod
    def read(
        cls,
        path: FilePath,
        *,
        columns: Mapping[str, str | None] | None = None,
        where: Mapping[str, Any] | None = None,
        loss_unit: str | None = None,
        cost: float = 6.0,
        drop_invalid: bool = False,
    ) -> RunTable:
        r"""Read a table from a CSV, Parquet or JSON lines file.

        Columns with usual names (N, params, D, tokens, L, loss, C, flops, U, run_name ...) are
        recognised, in any case; the table's repr, `columns` and `notes` say what was taken for
        what. A unit in brackets behind a name counts: ``tokens (B)`` or ``tokens (10^9)`` are
        billions, ``compute (PF-days)`` petaflop-days, ``loss (bits)`` and ``loss_bits`` bits; one
        that is not understood is refused. Cells must be plain numbers: ``70M`` is refused.

        Parameters
        ----------
        path : path-like
            A file whose name ends in .csv, .tsv, .txt (comma, tab, semicolon or bar between
            cells), .jsonl, .ndjson, .json, .parquet or .pq; Parquet needs PyArrow
            (``pip install 'scalecore[frames]'``).
        columns : dict, optional
            Column names by quantity ("parameters", "samples" or "tokens", "loss", "compute",
            "unique_samples", "run", "weight", "progress"); None for one that is not to be taken.
        where : dict, optional
            Keep only rows with these values, by column: ``where={"subset": "hot"}``, or a list of
            values. Rows keep their numbers.
        loss_unit : {"nats", "bits"}, optional
            Unit of the loss; by default what its heading says, else nats.
        cost, drop_invalid
            As for the class.

        Returns
        -------
        RunTable

        Raises
        ------
        OSError
            If the file cannot be read.
        ImportError
            If PyArrow is needed and not installed.
        TypeError, ValueError
            If a column is not there (the message has those that are), is not numbers, or rows
            cannot be used.

        Examples
        --------
        >>> import os, tempfile
        >>> import scalecore as sc
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "runs.csv")
        ...     with open(path, "w") as file:
        ...         _ = file.write("params,tokens (B),val_loss\n1e8,2,3.4\n4e8,8,2.8\n")
        ...     table = sc.RunTable.read(path)
        >>> table.samples
        array([2.e+09, 8.e+09])
        >>> table.columns
        {'parameters': 'params', 'samples': 'tokens (B) × 1e+09', 'loss': 'val_loss'}
        """
        from ._readers import read

        fields = read(
            path,
            columns=columns,
            where=where,
            loss_unit=loss_unit,
            cost=cost,
            drop_invalid=drop_invalid,
        )
        return cls._of(fields)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        columns: Mapping[str, str | None] | None = None,
        where: Mapping[str, Any] | None = None,
        loss_unit: str | None = None,
        cost: float = 6.0,
        drop_invalid: bool = False,
    ) -> RunTable:
        """Read a table from a data frame.

        Parameters
        ----------
        frame
            A pandas or polars data frame, a PyArrow table, anything with the Arrow stream or the
            dataframe interchange protocol, a dict of arrays or a structured array. Rows are taken
            by position; a pandas index is not looked at.
        columns, where, loss_unit, cost, drop_invalid
            As for `read`.

        Returns
        -------
        RunTable

        Raises
        ------
        ImportError
            If PyArrow is needed and not installed.
        TypeError, ValueError
            As for `read`.

        Examples
        --------
        >>> import scalecore as sc
        >>> frame = {"N": [1e8, 4e8], "D": [2e9, 8e9], "L": [3.4, 2.8], "C": [1.3e18, 2e19]}
        >>> sc.RunTable.from_frame(frame).flops
        array([1.3e+18, 2.0e+19])
        """
        from ._readers import from_frame

        fields = from_frame(
            frame,
            columns=columns,
            where=where,
            loss_unit=loss_unit,
            cost=cost,
            drop_invalid=drop_invalid,
        )
        return cls._of(fields)

    def findings(self, influence: Influence | ArrayLike | None = None) -> tuple[Finding, ...]:
        """Return what is odd about the table: each thing by name, with its rows and advice.

        Parameters
        ----------
        influence : Influence or array_like, shape (n,), optional
            What `FittedLaw.influence` returned for a law of this table, or how far leaving out each
            row moves the logarithm of an answer. Without it, runs far from all others are looked
            for with a robust surface, roughly.

        Returns
        -------
        tuple of Finding
            In the order of `FindingKind`; empty where nothing is odd.

        Raises
        ------
        TypeError, ValueError
            If `influence` is not one number a row.

        Examples
        --------
        >>> import scalecore as sc
        >>> table = sc.RunTable([1e7, 1e8, 1e9, 4e9] * 2, [2e8, 2e9, 2e10, 8e10] * 2, range(2, 10))
        >>> [finding.kind.name for finding in table.findings()]
        ['ONE_RAY', 'SEVERAL_LOSSES']
        """
        from ._findings import findings

        if influence is None:
            return findings(self, None)
        ratios = getattr(influence, "parameters_ratio", None)
        measured = float_column("influence", influence if ratios is None else np.log(ratios))
        if (
            ratios is not None
            and self.run_codes is not None
            and measured.size == len(self.run_names)
        ):
            measured = measured[self.run_codes]
        if measured.size != len(self):
            raise ValueError(
                f"influence must have one element a row, {len(self)}, got {measured.size}"
            )
        return findings(self, np.abs(np.where(np.isnan(measured), np.inf, measured)))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw samples against parameters, coloured by loss, findings marked; return the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, with logarithmic scales.

        Examples
        --------
        >>> import scalecore as sc
        >>> table = sc.RunTable([1e8, 1e8, 4e8, 4e8], [2e9, 8e9, 2e9, 8e9], [3.4, 3.1, 3.2, 2.8])
        >>> table.plot().get_title()
        '4 runs'
        """
        from .._views.run_table_plots import plot_run_table

        return plot_run_table(self, self.findings(), ax=ax)

    def _repr_html_(self) -> str:
        from .._views.run_table_html import run_table_html

        return run_table_html(self, self.findings())

    def __repr__(self) -> str:
        parts = [f"{len(self):,} run{'s' if len(self) != 1 else ''}"]
        if len(self):
            spans = (
                ("N", self.parameters, ""),
                ("D", self.samples, ""),
                ("loss", self.loss / self.loss_scale, f" {self.loss_unit}"),
            )
            parts += [f"{name} {_span(values)}{unit}" for name, values, unit in spans]
        if self.run_codes is not None:
            parts[0] = f"{len(self):,} rows of {len(self.run_names):,} runs"
        if self.columns:
            taken = ", ".join(f"{name} = {column!r}" for name, column in self.columns.items())
            parts.append(f"from {taken}")
        if self.dropped.size:
            parts.append(f"{self.dropped.size:,} invalid rows dropped")
        return f"RunTable({', '.join(parts)})"


def _span(values: NDArray[np.float64]) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"

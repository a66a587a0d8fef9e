"""`plan`: how large a model, on how many samples, for a budget or for a loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._common.validation import describe, one_of, positive_array, positive_int
from ..fitting._centre import Array
from ..fitting._fitted_law import FittedLaw
from ..fitting._quantiles import checked_level, interval
from ._deviations import Deviations, EpochReturns, deviations, epoch_returns
from ._plan_status import ANSWERED, PlanStatus, statuses_of
from ._questions import AMOUNTS, Answer, Questions, questions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PRICED = np.geomspace(0.1, 10.0, 81)  # factors on the best N and D that the picture shows
KINDS = ("price", "targets", "epochs")


@dataclass(frozen=True, eq=False)
class Plan:
    """Training runs that a law advises, as arrays of the questions' shape.

    Attributes
    ----------
    law : FittedLaw
    target : {"training_budget", "loss", "total_budget"}
        What was given.
    wanted : ndarray
        Its values: FLOPs, or a loss in the table's unit.
    parameters, samples, epochs, loss : ndarray
        N, D (with repetitions), passes over the unique samples, and the loss that the law predicts.
    training_compute, inference_compute, total_compute : ndarray
        FLOPs: training_cost N D, inference_cost N inference_samples, and their sum.
    parameters_low, parameters_high, ... : ndarray
        Ends of the interval of each of these, from the best plans of the law's draws; NaN without
        draws, infinite where so many draws cannot reach the loss.
    status : ndarray of int8
        `PlanStatus` of each question; all else is NaN where there is no answer.
    extrapolation : ndarray
        Decades by which N or D, whichever is farther, lies beyond the runs.
    level : float

    Examples
    --------
    >>> import scalecore as sc
    >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
    >>> law = sc.FittedLaw.from_values("additive", chinchilla)
    >>> sc.plan(law, training_budget=6e23, max_samples=1e12)
    Plan(training_budget 6e+23: N = 1e+11, D = 1e+12, loss 1.943 nats, 6e+23 FLOPs, AT_MAX_SAMPLES)
    """

    law: FittedLaw
    target: str
    wanted: Array
    parameters: Array
    samples: Array
    epochs: Array
    loss: Array
    training_compute: Array
    inference_compute: Array
    total_compute: Array
    parameters_low: Array
    parameters_high: Array
    samples_low: Array
    samples_high: Array
    epochs_low: Array
    epochs_high: Array
    loss_low: Array
    loss_high: Array
    training_compute_low: Array
    training_compute_high: Array
    inference_compute_low: Array
    inference_compute_high: Array
    total_compute_low: Array
    total_compute_high: Array
    status: NDArray[np.int8]
    extrapolation: Array
    level: float
    _questions: Questions

    @property
    def samples_per_parameter(self) -> Array:
        """Samples per parameter, D/N."""
        return self.samples / self.parameters

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Where there is an answer: no OUT_OF_REACH, NO_OPTIMUM, NO_LAW or INVALID."""
        return np.isin(self.status, ANSWERED)

    @cached_property
    def saving(self) -> Array:
        """Share of total compute that is saved against the model which is cheapest to train.

        That model has the same loss and the least training compute (limits count for it too); it is
        what one would train without thinking of inference.

        Examples
        --------
        >>> import scalecore as sc
        >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
        >>> law = sc.FittedLaw.from_values("additive", chinchilla)
        >>> f"{sc.plan(law, loss=2.0, inference_samples=1e13).saving:.1%}"
        '32.6%'
        """
        flat = self._questions
        if not self.answered.any():
            return np.full(flat.shape, np.nan)[()]
        loss = np.where(np.isnan(self.loss), 1.0, self.loss).reshape(-1)
        ask = Questions(
            **{
                **vars(flat),
                "target": "loss",
                "wanted": loss,
                "inference_samples": np.zeros(len(flat)),
            }
        )
        cheapest = ask.answered(self.law.theta)
        N, training = cheapest.amounts["parameters"], cheapest.amounts["training_compute"]
        total = training + flat.inference_cost * N * flat.inference_samples
        return np.where(
            self.answered, np.round(1 - self.total_compute / total.reshape(flat.shape), 10), np.nan
        )[()]

    def deviations(self, factors: ArrayLike = (0.25, 0.5, 2, 4)) -> Deviations:
        """Return the price of training a model of another size, for each factor of N.

        Limits do not count here, so that the table also says what a limit costs.

        Parameters
        ----------
        factors : array_like
            Of the plan's parameters; positive.

        Returns
        -------
        Deviations
            Arrays of the plan's shape with an axis of factors, last.

        Examples
        --------
        >>> import scalecore as sc
        >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
        >>> law = sc.FittedLaw.from_values("additive", chinchilla)
        >>> sc.plan(law, training_budget=1e23).deviations(0.5)
        Deviations(compute for the same loss: half the parameters 20.8 % more)
        """
        factors = np.atleast_1d(positive_array("factors", factors))
        if factors.ndim > 1:
            raise ValueError(f"factors must be a list of numbers, got shape {factors.shape}")
        return deviations(self._questions, self.answered.reshape(-1), factors, self.level)

    def epoch_returns(self, most: int = 16) -> EpochReturns:
        """Return what each further pass over the unique samples is worth, at the plan's parameters.

        Needs a form with repeated data, and a plan with `unique_samples`.

        Examples
        --------
        >>> import scalecore as sc
        >>> values = {"E": 1.87, "A": 521, "alpha": 0.35, "B": 1488, "beta": 0.35}
        >>> law = sc.FittedLaw.from_values("repeated", values | {"R_D": 15.4, "R_N": 5.3})
        >>> best = sc.plan(law, training_budget=1e22, unique_samples=2e10)
        >>> best.epoch_returns(4).worth.round(2)
        array([1.  , 0.7 , 0.6 , 0.53])
        """
        most = positive_int("most", most, most=10**6)
        return epoch_returns(self._questions, self.parameters, most)

    def plot(self, kind: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw the plan.

        Parameters
        ----------
        kind : {"price", "targets", "epochs"}, optional
            The price of other sizes (of the first question); parameters and samples against the
            targets; the loss by epochs. By default the price of one question, else the targets.
        ax : matplotlib Axes, optional

        Examples
        --------
        >>> import scalecore as sc
        >>> chinchilla = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
        >>> law = sc.FittedLaw.from_values("additive", chinchilla)
        >>> sc.plan(law, training_budget=1e23).plot().get_xscale()
        'log'
        """
        from .._views import planning_plots

        kind = ("targets" if self.parameters.size > 1 else "price") if kind is None else kind
        if one_of("kind", kind, KINDS) == "targets":
            return planning_plots.targets(self, ax)
        if kind == "epochs":
            return planning_plots.epochs(self.epoch_returns(), ax)
        first = replace(self._questions[:1], shape=())
        price = deviations(first, self.answered.reshape(-1)[:1], _PRICED, self.level)
        return planning_plots.price(price, float(np.ravel(self.parameters)[0]), ax)

    def __repr__(self) -> str:
        if np.ndim(self.parameters):
            good = int(np.count_nonzero(self.answered))
            return (
                f"Plan({self.target}: {np.size(self.parameters)} questions, {good} of them "
                "answered)"
            )
        head = f"Plan({self.target} {float(self.wanted):.4g}: "
        name = PlanStatus(int(self.status)).name
        if not self.answered:
            return head + name + ")"
        text = f"N = {self._shown('parameters')}, D = {self._shown('samples')}, "
        if self._questions.unique_samples is not None:
            text += f"{self._shown('epochs')} epochs, "
        text += f"loss {self._shown('loss')} {self.law.loss_unit}, "
        return head + text + f"{self._shown('total_compute')} FLOPs, {name})"

    def _shown(self, name: str) -> str:
        value, low, high = (float(getattr(self, name + end)) for end in ("", "_low", "_high"))
        shown = f"{value:.4g}"
        return shown + (
            "" if np.isnan(low) or high - low <= 1e-9 * abs(value) else f" [{low:.4g}, {high:.4g}]"
        )

    def _repr_html_(self) -> str:
        from .._views import planning_html

        return planning_html.plan(self, PlanStatus)


def plan(
    law: FittedLaw,
    *,
    training_budget: ArrayLike | None = None,
    loss: ArrayLike | None = None,
    total_budget: ArrayLike | None = None,
    inference_samples: ArrayLike = 0.0,
    max_parameters: ArrayLike | None = None,
    max_samples: ArrayLike | None = None,
    unique_samples: ArrayLike | None = None,
    training_cost: ArrayLike | None = None,
    inference_cost: ArrayLike = 2.0,
    level: float = 0.95,
) -> Plan:
    r"""Plan a training run: the best N and D for a budget, or the cheapest for a loss.

    With a training budget C, the least L(N, D) with training_cost N D ≤ C. With a total budget,
    the least L(N, D) with training_cost N D + inference_cost N S ≤ C, S the inference demand.
    With a loss, the least training_cost N D + inference_cost N S such that L(N, D) is at most that
    loss.
    All numbers broadcast.

    Parameters
    ----------
    law : FittedLaw
        From `fit`, or from published constants by `FittedLaw.from_values`.
    training_budget, loss, total_budget : array_like
        Exactly one of them: FLOPs, a loss in the table's unit, FLOPs.
    inference_samples : array_like, default 0
        Samples (tokens) that the model will be asked for in its life.
    max_parameters, max_samples : array_like, optional
        Largest N and D; infinite where there is no limit.
    unique_samples : array_like, optional
        Samples there are; more are repetitions. Needs a form with repeated data.
    training_cost : array_like, optional
        FLOPs per parameter and sample trained on; by default the table's (6).
    inference_cost : array_like, default 2
        FLOPs per parameter and sample asked for.
    level : float, default 0.95
        Of the intervals.

    Returns
    -------
    Plan
        Look at `status` first.

    Raises
    ------
    TypeError, ValueError
        If not exactly one target is given, shapes do not broadcast, or the form cannot count
        repetitions. A single number out of its domain has status INVALID instead.

    Notes
    -----
    Sources: Hoffmann et al. 2022 for a training budget; Sardana et al. 2024 (Beyond
    Chinchilla-Optimal) for inference. Intervals come from the plans of the law's draws, so they
    hold what the law does not know; a draw that cannot reach a loss counts as infinite.

    Examples
    --------
    Sardana et al.: the quality of a 13B model, 2e12 tokens served.

    >>> import numpy as np
    >>> import scalecore as sc
    >>> A, B, E = np.exp([6.0073404, 6.0179186, 0.5267228])
    >>> values = {"E": E, "A": A, "alpha": 0.33917084, "B": B, "beta": 0.2849083}
    >>> law = sc.FittedLaw.from_values("additive", values)
    >>> best = sc.plan(law, loss=law.predict(13e9, 6.174e11).loss, inference_samples=2e12)
    >>> f"{best.parameters:.3g} {best.samples:.4g} {best.saving:.1%}"
    '7.12e+09 1.295e+12 16.3%'
    """
    if not isinstance(law, FittedLaw):
        raise TypeError(
            f"law must be a FittedLaw (from sc.fit or FittedLaw.from_values), got {describe(law)}"
        )
    level = checked_level(level)
    targets = {"training_budget": training_budget, "loss": loss, "total_budget": total_budget}
    numbers = {
        "inference_samples": inference_samples,
        "max_parameters": max_parameters,
        "max_samples": max_samples,
        "unique_samples": unique_samples,
        "training_cost": law.cost if training_cost is None else training_cost,
        "inference_cost": inference_cost,
    }
    ask = questions(law, targets, numbers)
    usable = law.usable and "compute" not in law.form.needs
    nothing = np.full(len(ask), np.nan)
    fields = {name + end: nothing for name in AMOUNTS for end in ("", "_low", "_high")}
    status = np.full(len(ask), PlanStatus.NO_LAW, np.int8)
    if usable and len(ask):
        fields, status = _solved(ask, level)
    status[~ask.valid] = PlanStatus.INVALID
    good = np.isin(status, ANSWERED)
    fields = {name: np.where(good, values, np.nan) for name, values in fields.items()}
    fields["extrapolation"] = law.extrapolation(fields["parameters"], fields["samples"])
    shaped = {name: values.reshape(ask.shape)[()] for name, values in fields.items()}
    wanted = np.array(targets[ask.target], float)
    return Plan(
        law=law,
        target=ask.target,
        wanted=np.broadcast_to(wanted, ask.shape)[()],
        status=status.reshape(ask.shape)[()],
        level=level,
        _questions=ask,
        **shaped,
    )


def _solved(ask: Questions, level: float) -> tuple[dict[str, Array], NDArray[np.int8]]:
    """Return the amounts with their intervals, and statuses."""
    draws = ask.law.theta_draws[:, None, :]
    parts, statuses = [], []
    for part in ask.parts(max(len(draws), 1)):
        answer = part.answered(ask.law.theta)
        found = dict(answer.amounts)
        ends = [(np.full(len(part), np.nan),) * 2] * len(AMOUNTS)
        if len(draws):
            drawn = part.answered(draws)
            ends = interval([_amount_of_draws(drawn, name, part.target) for name in AMOUNTS], level)
        for name, (low, high) in zip(AMOUNTS, ends, strict=True):
            found[name + "_low"], found[name + "_high"] = low, high
        parts.append(found)
        statuses.append(statuses_of(answer))
    return {
        name: np.concatenate([found[name] for found in parts]) for name in parts[0]
    }, np.concatenate(statuses)


def _amount_of_draws(drawn: Answer, name: str, target: str) -> Array:
    """Return an amount of each draw: infinite where it cannot reach the loss, NaN where it has no
    optimum.
    """
    values = np.where(drawn.best.unbounded, np.nan, drawn.amounts[name])
    if name == "loss" and target == "loss":
        return drawn.amounts[name]
    return np.where(drawn.reached, values, np.inf)

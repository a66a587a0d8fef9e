"""scalecore: how large a model and how much data for a compute budget, from theory that can be
checked.

Error bounds are NumPy ufuncs (`error_bound`, `closed_form_bound`, ...); `compute_optimal` finds the
best allocation of a budget and `isoflop` the bound along lines of equal compute. `NetworkPrior`
draws the infinite-width network that the bounds are about, and `misspecification` measures by
simulation what they bound; `train` trains real networks on its data. `FiniteModel` and
`HypothesisSet` compute the theorems behind the bounds, term by term. `spectral_bound`,
`refined_bound` and `bayes_error_bound` are the same theorem with better descriptions of the target,
many times lower. Errors are in nats per sample.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from ._core.bounds import VERSION as __version__
except (
    ModuleNotFoundError
) as error:  # Python was started in a clone, whose sources hide the package that is installed
    if error.name != "scalecore._core.bounds":
        raise
    raise ModuleNotFoundError(
        f"the scalecore in {__path__[0]!r} is not compiled: start Python in another folder, where "
        "the installed package is found, "
        "or install the clone in place (pip install -e .)",
        name=error.name,
    ) from error
from .bounds import (
    closed_form_bound,
    error_bound,
    estimation_bound,
    misspecification_bound,
    occupancy,
    optimal_resolution,
)

if TYPE_CHECKING:
    from .fitting._allocation import Allocation, AllocationStatus
    from .fitting._certificate import Certificate, FitStatus
    from .fitting._compare import compare
    from .fitting._comparison import Comparison, ComparisonStatus
    from .fitting._envelope import Envelope, envelope
    from .fitting._findings import Finding, FindingKind
    from .fitting._fit import fit
    from .fitting._fitted_law import FittedLaw
    from .fitting._inverse import Solution, SolutionStatus
    from .fitting._isoflop_profiles import isoflop_profiles
    from .fitting._isoflop_result import IsoFlopProfiles
    from .fitting._line_optimum import LineOptimum
    from .fitting._prediction import Prediction
    from .fitting._profile_status import ProfileStatus
    from .fitting._recipes import RecipeComparison, compare_recipes
    from .fitting._rollout import Fold
    from .fitting._run_table import RunTable
    from .fitting._sensitivity import Influence, Profile
    from .fitting._user_form import UserForm
    from .frontier import Frontier, IsoFlop, Status, compute_optimal, isoflop
    from .information import (
        BestChannel,
        ConstrainedLearner,
        Decomposition,
        FiniteModel,
        HypothesisSet,
        LearningCurve,
        updates,
    )
    from .network import Estimate, MisspecificationEstimate, Network, NetworkPrior, misspecification
    from .planning._design import Design, DesignStatus, suggest_runs
    from .planning._deviations import Deviations, EpochReturns
    from .planning._plan import Plan, plan
    from .planning._plan_status import PlanStatus
    from .posterior import BayesError, BayesErrorInterrupted, ChainCells, bayes_error
    from .spectral import (
        SpectralTable,
        SpectralTerms,
        Spectrum,
        bayes_error_bound,
        bayes_error_lower_bound,
        directions,
        refined_bound,
        spectral_bound,
        spectral_table,
        spectral_terms,
        spectrum,
    )
    from .sweeps import Sweep, sweep
    from .training import (
        EmpiricalFrontier,
        EmpiricalStatus,
        TrainingInterrupted,
        TrainingRuns,
        train,
    )

# Areas that a first answer does not need are imported when a name of theirs is first used: whoever
# asks for a bound does not wait for frontiers, fits, sweeps and training to load.
_WHERE = {
    "fitting._allocation": (
        "Allocation",
        "AllocationStatus",
    ),
    "fitting._certificate": (
        "Certificate",
        "FitStatus",
    ),
    "fitting._compare": ("compare",),
    "fitting._comparison": (
        "Comparison",
        "ComparisonStatus",
    ),
    "fitting._envelope": (
        "Envelope",
        "envelope",
    ),
    "fitting._findings": (
        "Finding",
        "FindingKind",
    ),
    "fitting._fit": ("fit",),
    "fitting._fitted_law": ("FittedLaw",),
    "fitting._inverse": (
        "Solution",
        "SolutionStatus",
    ),
    "fitting._isoflop_profiles": ("isoflop_profiles",),
    "fitting._isoflop_result": ("IsoFlopProfiles",),
    "fitting._line_optimum": ("LineOptimum",),
    "fitting._prediction": ("Prediction",),
    "fitting._profile_status": ("ProfileStatus",),
    "fitting._recipes": (
        "RecipeComparison",
        "compare_recipes",
    ),
    "fitting._rollout": ("Fold",),
    "fitting._run_table": ("RunTable",),
    "fitting._sensitivity": (
        "Influence",
        "Profile",
    ),
    "fitting._user_form": ("UserForm",),
    "frontier": (
        "Frontier",
        "IsoFlop",
        "Status",
        "compute_optimal",
        "isoflop",
    ),
    "information": (
        "BestChannel",
        "ConstrainedLearner",
        "Decomposition",
        "FiniteModel",
        "HypothesisSet",
        "LearningCurve",
        "updates",
    ),
    "network": (
        "Estimate",
        "MisspecificationEstimate",
        "Network",
        "NetworkPrior",
        "misspecification",
    ),
    "planning._design": (
        "Design",
        "DesignStatus",
        "suggest_runs",
    ),
    "planning._deviations": (
        "Deviations",
        "EpochReturns",
    ),
    "planning._plan": (
        "Plan",
        "plan",
    ),
    "planning._plan_status": ("PlanStatus",),
    "posterior": (
        "BayesError",
        "BayesErrorInterrupted",
        "ChainCells",
        "bayes_error",
    ),
    "spectral": (
        "SpectralTable",
        "SpectralTerms",
        "Spectrum",
        "bayes_error_bound",
        "bayes_error_lower_bound",
        "directions",
        "refined_bound",
        "spectral_bound",
        "spectral_table",
        "spectral_terms",
        "spectrum",
    ),
    "sweeps": (
        "Sweep",
        "sweep",
    ),
    "training": (
        "EmpiricalFrontier",
        "EmpiricalStatus",
        "TrainingInterrupted",
        "TrainingRuns",
        "train",
    ),
}
_LAZY = {name: module for module, names in _WHERE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Return a public name of an area that is not imported yet."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return every public name, imported or not."""
    return sorted({*globals(), *__all__})


__all__ = [
    "Allocation",
    "AllocationStatus",
    "BayesError",
    "BayesErrorInterrupted",
    "BestChannel",
    "Certificate",
    "ChainCells",
    "Comparison",
    "ComparisonStatus",
    "ConstrainedLearner",
    "Decomposition",
    "Design",
    "DesignStatus",
    "Deviations",
    "EmpiricalFrontier",
    "EmpiricalStatus",
    "Envelope",
    "EpochReturns",
    "Estimate",
    "Finding",
    "FindingKind",
    "FiniteModel",
    "FitStatus",
    "FittedLaw",
    "Fold",
    "Frontier",
    "HypothesisSet",
    "Influence",
    "IsoFlop",
    "IsoFlopProfiles",
    "LearningCurve",
    "LineOptimum",
    "MisspecificationEstimate",
    "Network",
    "NetworkPrior",
    "Plan",
    "PlanStatus",
    "Prediction",
    "Profile",
    "ProfileStatus",
    "RecipeComparison",
    "RunTable",
    "Solution",
    "SolutionStatus",
    "SpectralTable",
    "SpectralTerms",
    "Spectrum",
    "Status",
    "Sweep",
    "TrainingInterrupted",
    "TrainingRuns",
    "UserForm",
    "__version__",
    "bayes_error",
    "bayes_error_bound",
    "bayes_error_lower_bound",
    "closed_form_bound",
    "compare",
    "compare_recipes",
    "compute_optimal",
    "directions",
    "envelope",
    "error_bound",
    "estimation_bound",
    "fit",
    "get_include",
    "get_library_dir",
    "isoflop",
    "isoflop_profiles",
    "misspecification",
    "misspecification_bound",
    "occupancy",
    "optimal_resolution",
    "plan",
    "refined_bound",
    "spectral_bound",
    "spectral_table",
    "spectral_terms",
    "spectrum",
    "suggest_runs",
    "sweep",
    "train",
    "updates",
]


def get_include() -> str:
    """Return the folder of ``scalecore.h``, the C interface.

    Examples
    --------
    >>> import os, scalecore
    >>> os.path.exists(os.path.join(scalecore.get_include(), "scalecore.h"))
    True
    """
    import os

    return os.path.join(os.path.dirname(__file__), "include")


def get_library_dir() -> str:
    """Return the folder of the static library ``scalecore``, for programs that are not Python.

    It holds the whole C interface and needs nothing but the C library (``-lscalecore -lm``): no
    Python, no OpenMP.

    Examples
    --------
    >>> import os, scalecore
    >>> any("scalecore" in name for name in os.listdir(scalecore.get_library_dir()))
    True
    """
    import os

    return os.path.join(os.path.dirname(__file__), "lib")

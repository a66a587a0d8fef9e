"""The best learner's error as labelled data (imports xarray)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._common.optional import imported
from .._core.bounds import VERSION

if TYPE_CHECKING:
    from xarray import Dataset

    from ..posterior import BayesError

# name: (long name, units)
SIDES = {
    "lower": ("tightest lower side of the best learner's average error", "nat"),
    "lower_std_error": ("its standard error over replicates", "nat"),
    "lower_source": ("which lower side is the tightest", "1"),
    "upper": ("tightest upper side of the best learner's average error", "nat"),
    "upper_std_error": ("its standard error over replicates", "nat"),
    "upper_source": ("which upper side is the tightest", "1"),
    "ratio": ("upper over lower side", "1"),
    "ratio_std_error": ("its standard error", "1"),
    "chains_lower": ("lower side by the chains", "nat"),
    "chains_lower_std_error": ("its standard error over replicates", "nat"),
    "chains_upper": ("upper side by the chains' predictions", "nat"),
    "chains_upper_std_error": ("its standard error over replicates", "nat"),
    "information_lower": ("lower side of the information in the samples", "nat"),
    "information_upper": ("upper side of the information in the samples", "nat"),
}
CELLS = {
    "sticks": ("sticks that move", "1"),
    "step": ("step of the integrator at the cell's middle", "1"),
    "lower": ("lower side of the mean increment of information", "nat"),
    "lower_std_error": ("its standard error over replicates", "nat"),
    "upper": ("upper side of the mean increment of information", "nat"),
    "upper_std_error": ("its standard error over replicates", "nat"),
    "acceptance": ("accepted share of trajectories", "1"),
    "flip_acceptance": ("accepted share of flips of signs", "1"),
    "moved": ("root mean square change of the logit along a chain", "1"),
    "effective": ("independent states that a chain from the truth is worth", "1"),
    "prior_effective": ("independent states that a chain from the prior is worth", "1"),
}


def bayes_error_dataset(found: BayesError) -> Dataset:
    """Label the arrays of a BayesError; see `BayesError.to_dataset`."""
    xarray = imported("xarray", "to_dataset() needs xarray", "data")
    variables = {
        name: ("samples", np.ravel(getattr(found, name)), {"long_name": text, "units": units})
        for name, (text, units) in SIDES.items()
    }
    variables |= {
        f"cell_{name}": ("cell", getattr(found.cells, name), {"long_name": text, "units": units})
        for name, (text, units) in CELLS.items()
    }
    edges = found.cells.edges
    return xarray.Dataset(
        variables,
        coords={
            "samples": (
                "samples",
                np.ravel(found.samples),
                {"long_name": "training samples", "units": "1"},
            ),
            "first": ("cell", edges[:-1], {"long_name": "first sample of the cell", "units": "1"}),
            "end": ("cell", edges[1:], {"long_name": "first sample beyond it", "units": "1"}),
        },
        attrs={
            "title": "the best learner's error between its sides",
            "source": f"scalecore {VERSION}",
            "input_dim": found.prior.input_dim,
            "concentration": found.prior.concentration,
            "replicates": found.replicates,
            "states": found.states,
        },
    )

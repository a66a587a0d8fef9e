"""Frontiers as labelled data (imports xarray)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._common.optional import imported
from .._common.quantities import COORDINATES, FRONTIER_VARIABLES
from .._common.status import Status
from .._core.bounds import VERSION

if TYPE_CHECKING:
    from xarray import Dataset

    from ..frontier import Frontier


def _varying_axes(array: np.ndarray) -> tuple[int, ...]:
    """Axes along which a broadcast array really has several values."""
    return tuple(
        axis
        for axis in range(array.ndim)
        if array.strides[axis] != 0
        and array.shape[axis] > 1
        and (array != array.take([0], axis)).any()
    )


def frontier_dataset(frontier: Frontier) -> Dataset:
    """Label a Frontier's arrays; see `Frontier.to_dataset`."""
    xarray = imported("xarray", "to_dataset() needs xarray", "data")

    inputs = {name: np.asarray(getattr(frontier, name)) for name in COORDINATES}
    axes = {name: _varying_axes(array) for name, array in inputs.items()}
    dims = []
    for axis in range(len(frontier.shape)):
        varying = [name for name in inputs if axis in axes[name]]
        alone = len(varying) == 1 and axes[varying[0]] == (axis,)
        only_budget_can = frontier.shape[axis] == 1 and len(frontier.shape) == 1
        dims.append(varying[0] if alone else "budget" if only_budget_can else f"dim_{axis}")

    coordinates = {}
    for name, array in inputs.items():
        axes_of_name = axes[name] or tuple(axis for axis, dim in enumerate(dims) if dim == name)
        values = (
            array[tuple(slice(None) if axis in axes_of_name else 0 for axis in range(array.ndim))]
            if array.size
            else array
        )
        coordinates[name] = ([dims[axis] for axis in axes_of_name] if array.size else dims, values)
    dataset = xarray.Dataset(
        {name: (dims, np.asarray(getattr(frontier, name))) for name in FRONTIER_VARIABLES},
        coords=coordinates,
        attrs={
            "title": "compute-optimal allocation of model size and data",
            "bound": frontier.bound,
            "integer": int(frontier.integer),
            "source": f"scalecore {VERSION}",
        },
    )
    for name, (long_name, units) in (COORDINATES | FRONTIER_VARIABLES).items():
        dataset[name].attrs.update(long_name=long_name, units=units)
    dataset["status"].attrs.update(
        flag_values=np.array([int(status) for status in Status], np.int8),
        flag_meanings=" ".join(status.name for status in Status),
    )
    return dataset

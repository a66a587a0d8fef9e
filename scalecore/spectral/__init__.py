"""Spectral bounds: the error of a width-n network, described by its projection as well as by its
atoms.
"""

from ._bounds import (
    bayes_error_bound,
    bayes_error_lower_bound,
    refined_bound,
    spectral_bound,
)
from ._directions import directions
from ._spectrum import Spectrum, spectrum
from ._table import SpectralTable
from ._table_lookup import spectral_table, strategies_for, tables_for
from ._terms import SpectralTerms, spectral_terms

__all__ = [
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
    "strategies_for",
    "tables_for",
]

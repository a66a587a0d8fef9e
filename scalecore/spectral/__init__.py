"""Spectral bounds: the error of a width-n network, described by its projection as well as by its atoms."""

from ._bounds import (
    SpectralTable,
    SpectralTerms,
    Spectrum,
    bayes_error_bound,
    directions,
    refined_bound,
    spectral_bound,
    spectral_table,
    spectral_terms,
    spectrum,
)

__all__ = [
    "SpectralTable",
    "SpectralTerms",
    "Spectrum",
    "bayes_error_bound",
    "directions",
    "refined_bound",
    "spectral_bound",
    "spectral_table",
    "spectral_terms",
    "spectrum",
]

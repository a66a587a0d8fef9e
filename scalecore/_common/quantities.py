"""What the library's numbers are: long names and units, for labelled data and for stores."""

from __future__ import annotations

COORDINATES = {
    "budget": ("compute budget", "FLOP"),
    "input_dim": ("input dimension", "1"),
    "concentration": ("concentration of the Dirichlet process", "1"),
    "cost": ("compute per parameter and sample", "FLOP"),
}
FRONTIER_VARIABLES = {
    "width": ("compute-optimal width", "1"),
    "samples": ("compute-optimal number of samples", "1"),
    "parameters": ("compute-optimal parameter count", "1"),
    "error": ("error bound", "nat"),
    "misspecification": ("misspecification bound", "nat"),
    "estimation": ("estimation bound", "nat"),
    "elasticity": ("d log parameters / d log budget", "1"),
    "model_share": ("parameters / (parameters + samples)", "1"),
    "status": ("status", "1"),
}

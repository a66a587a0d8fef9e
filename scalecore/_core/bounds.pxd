"""The engine of this process, which `bounds` chooses when it is imported."""

from .engine cimport sc_engine

cdef const sc_engine *ENGINE

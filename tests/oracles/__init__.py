"""The formulas once more, slowly and in full precision: what the tests compare with."""

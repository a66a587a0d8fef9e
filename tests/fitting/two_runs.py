"""Two runs that files and frames hold in many ways: what is read must be these."""

import numpy as np

PLAIN = "N,D,L\n1e8,2e9,3.4\n4e8,8e9,2.8\n"


def check(table):
    assert table.parameters.tolist() == [1e8, 4e8]
    assert table.samples.tolist() == [2e9, 8e9]
    assert np.allclose(table.loss, [3.4, 2.8], rtol=1e-15)

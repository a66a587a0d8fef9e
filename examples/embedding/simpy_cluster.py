"""A training cluster as a discrete-event simulation: every job that arrives asks how to spend its
budget, queues, and runs.

A job's time is what its samples take at its width on one machine; the machines are a SimPy
resource.
"""

import ctypes
import random

import simpy

import scalecore as sc
from scalecore import c_api

Double, Pointer = ctypes.c_double, ctypes.POINTER(ctypes.c_double)
optimal_allocation = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.c_int, *[Double] * 4, *[Pointer] * 3
)(c_api.address("sc_optimal_allocation"))
INPUT_DIM, CONCENTRATION, COST = 10.0, 100.0, 6.0
FLOPS_A_SECOND = 1e9


def allocate(budget):
    """Width, samples and error of a budget."""
    width, samples, error = Double(), Double(), Double()
    status = optimal_allocation(0, 1, budget, INPUT_DIM, CONCENTRATION, COST, width, samples, error)
    if status not in (sc.Status.INTERIOR, sc.Status.AT_MIN_WIDTH, sc.Status.AT_MIN_SAMPLES):
        raise ValueError(f"no allocation of {budget:g}: {sc.Status(status).name}")
    return width.value, samples.value, error.value


def job(environment, machines, budget, finished):
    """Queue, train, report."""
    arrived = environment.now
    width, samples, error = allocate(budget)
    with machines.request() as turn:
        yield turn
        started = environment.now
        yield environment.timeout(COST * INPUT_DIM * width * samples / FLOPS_A_SECOND)
    finished.append((budget, width, samples, error, started - arrived, environment.now))


def arrivals(environment, machines, finished, jobs, draw):
    """Jobs come at random, with budgets over four decades."""
    for _ in range(jobs):
        yield environment.timeout(draw.expovariate(0.1))
        environment.process(job(environment, machines, 10 ** draw.uniform(7, 11), finished))


def simulate(jobs=200, machines=4, seed=0):
    """Run the cluster; a tuple for every finished job."""
    environment, finished = simpy.Environment(), []
    environment.process(
        arrivals(
            environment, simpy.Resource(environment, machines), finished, jobs, random.Random(seed)
        )
    )
    environment.run()
    return finished


def main():
    """Compare every job's allocation with the Python call, bit for bit."""
    finished = simulate()
    budgets = [job[0] for job in finished]
    want = sc.compute_optimal(budgets, INPUT_DIM, CONCENTRATION, cost=COST, integer=True)
    assert [job[1] for job in finished] == want.width.tolist()
    assert [job[2] for job in finished] == want.samples.tolist()
    assert [job[3] for job in finished] == want.error.tolist()
    waited = sum(job[4] for job in finished) / len(finished)
    print(
        f"{len(finished)} jobs done after {finished[-1][5]:.0f} s, {waited:.1f} s in the queue on "
        "average; allocations equal"
    )


if __name__ == "__main__":
    main()

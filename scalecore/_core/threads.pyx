"""Threads, the fork guard and signal polling: everything about running loops in parallel that is
not the loop itself.

A loop cuts its work into fixed blocks, asks `team_size` how many threads those are worth, and gives
each block to one call of the C engine. Which thread runs a block never changes its result.
"""

import os


cdef extern from "Python.h":
    int PyErr_CheckSignals()  # declared here without `except`: keep_going must not raise


cdef extern from "openmp_or_serial.h" nogil:
    const int SC_HAS_OPENMP
    int omp_get_max_threads()
    int omp_in_parallel()
    long sc_process_id()
    int sc_processors()
    size_t sc_default_stack()
    int sc_affordable_team(int, size_t)
    int sc_thread_number()
    double sc_seconds()

cdef double LOOK_EVERY = 0.05


def _cgroup_quota():
    """CPUs that the control group grants (v2, then v1), or None."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
            period = int(file.read())
        return quota / period if quota > 0 else None
    except (OSError, ValueError):
        return None


def _usable_cpus():
    """CPUs that this process may use: its affinity mask, cut to the control group's quota.

    OpenMP looked before OMP_PROC_BIND or OMP_PLACES made it bind the thread that loads it to one of
    them.
    """
    try:
        cpus = max(len(os.sched_getaffinity(0)), sc_processors())
    except AttributeError:
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, round(quota + 0.49)))


# OMP_NUM_THREADS is an explicit wish and may exceed the CPUs; without it OpenMP does not see a
# container's quota.
cdef int MOST_BY_DEFAULT = 2**30 if os.environ.get("OMP_NUM_THREADS") else _usable_cpus()

# More threads than this never help, and where they cannot be had OpenMP ends the process.
cdef int MOST_EVER = max(16, 4 * _usable_cpus())


_UNITS = {"B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def _stack_of_threads():
    """Bytes that OMP_STACKSIZE (or GCC's name for it) gives each thread, by default what the system
    does; 0 for all of it."""
    for name in ("OMP_STACKSIZE", "GOMP_STACKSIZE"):
        text = os.environ.get(name, "").strip().upper()
        digits = text.rstrip("BKMGT \t")
        unit = text[len(digits):].strip() or "K"
        if digits.strip().isdigit() and unit in _UNITS:
            return min(int(digits) * _UNITS[unit], 2**62)
    return sc_default_stack()


# Smaller than this and threads overrun their stacks, which nothing notices in time: calls are
# serial then.
cdef size_t LEAST_STACK = 100 * 1024
cdef size_t STACK = _stack_of_threads()

# OpenMP's threads do not survive a fork, and waiting for them hangs the child for ever (libgomp): a
# forked child runs serially.
cdef long LOADED_IN = sc_process_id()


cdef int team_size(Py_ssize_t parts, int requested) noexcept nogil:
    """Threads for `parts` pieces of work; `requested` 0 means all that this process may use."""
    cdef int team = min(requested, MOST_EVER)
    if not SC_HAS_OPENMP or parts <= 1 or requested == 1:
        return 1
    if team == 0:
        team = min(omp_get_max_threads(), MOST_BY_DEFAULT, MOST_EVER)
    if team <= 1 or omp_in_parallel() or sc_process_id() != LOADED_IN:
        return 1
    team = <int>min(<Py_ssize_t>team, parts)
    return 1 if STACK < LEAST_STACK else sc_affordable_team(team, STACK)


cdef Py_ssize_t next_chunk(Py_ssize_t chunk, double seconds, Py_ssize_t least) noexcept nogil:
    """How many points to compute until the next look at the signals, if the last `chunk` took so
    long: some 50 ms of work."""
    return 2 * chunk if seconds < 0.025 else max(least, chunk // 4) if seconds > 0.1 else chunk


cdef double seconds_now() noexcept nogil:
    """Seconds on a clock of the wall."""
    return sc_seconds()


cdef int check_signals() except -1:
    """Let a pending Ctrl-C raise. Call with the GIL held, often enough that nobody waits."""
    return -1 if PyErr_CheckSignals() != 0 else 0


cdef void start_watch(watch *state) noexcept nogil:
    """Before long work without the GIL that calls `keep_going` now and then."""
    state.stop = False
    state.next_look = sc_seconds() + LOOK_EVERY


cdef int keep_going(void *state) noexcept nogil:
    """Whether work under this watch shall go on; the thread that began it looks for signals. An
    `sc_keep_going` of the engine."""
    cdef watch *w = <watch *>state
    if not w.stop and sc_thread_number() == 0 and sc_seconds() >= w.next_look:
        with gil:
            # the exception stays with this thread until raise_pending
            w.stop = PyErr_CheckSignals() != 0
        w.next_look = sc_seconds() + LOOK_EVERY
    return not w.stop


cdef int raise_pending(watch *state) except -1:
    """After the work: raise what a signal handler raised during it."""
    if state.stop:
        return -1
    return 0


def default_threads():
    """Threads that a large call uses when it is not told: affinity, control group and
    OMP_NUM_THREADS considered."""
    return team_size(2**30, 0)


def has_openmp():
    """Whether the loops were compiled with OpenMP."""
    return bool(SC_HAS_OPENMP)

/* The solver of fits: many minimisations side by side, one a lane. */
#ifndef SC_FITTING_SOLVER_H
#define SC_FITTING_SOLVER_H

#include "engine/engine.h"
#include "fitting/fitting.h"

typedef enum sc_resampling {
    SC_RESAMPLE_NOT,   /* every job has the runs as they are, and a start of its own */
    SC_RESAMPLE_PAIRS, /* clusters drawn with replacement */
    /* targets = fitted + residual v, v drawn for each cluster from Webb's six points */
    SC_RESAMPLE_WILD,
    SC_RESAMPLE_LEAVE_OUT /* job k does without cluster k */
} sc_resampling;

typedef struct sc_fit_problem {
    sc_fit_runs runs;
    double delta;               /* of Huber's loss; infinity for squares */
    double first_delta;         /* continuation begins here, */
    const double *first_deltas; /* or here: [start]; NULL where it is one for all */
    double goal;                /* scaled gradient to stop at */
    int most_passes;
    const double *weight;     /* [run], or NULL for 1 */
    const double *low, *high; /* [parameter]; equal where a parameter is held */
    sc_resampling resampling;
    ptrdiff_t clusters;
    const ptrdiff_t *cluster; /* [run], 0 ... clusters - 1; NULL where every run is its own */
    const double *fitted, *residual; /* [run], for SC_RESAMPLE_WILD */
    uint64_t key;
    sc_fit_evaluate evaluate; /* of SC_FORM_FOREIGN */
    void *state;
} sc_fit_problem;

/* Results, each [job] (theta: [job][parameter]). */
typedef struct sc_fit_results {
    double *theta, *objective, *scaled_gradient;
    int32_t *passes;
} sc_fit_results;

/* Bytes that a call of sc_fit_jobs needs at `space`. */
size_t sc_fit_space(const sc_engine *engine, const sc_fit_problem *problem);

/* Minimise for jobs first ... first + count; starts [job][parameter], or one for all where
   `one_start`. Job k draws from item k of the key's stream, so results do not depend on which jobs
   a call has. Returns 0, or what `evaluate` or `keep_going` stopped it with. */
int sc_fit_jobs(const sc_engine *engine, const sc_fit_problem *problem, uint64_t first,
                ptrdiff_t count, const double *starts, int one_start, const sc_fit_results *out,
                void *space, sc_keep_going keep_going, void *watch);

/* The sums of a pass at one theta, with the problem's own weights: for certificates. */
int sc_fit_look(const sc_engine *engine, const sc_fit_problem *problem, const double *theta,
                sc_fit_sums *out, void *space);

/* What the weights and targets of job k are: [run] each, targets only for SC_RESAMPLE_WILD. */
void sc_fit_resample(const sc_engine *engine, const sc_fit_problem *problem, uint64_t job,
                     double *weights, double *targets, ptrdiff_t stride);

#endif

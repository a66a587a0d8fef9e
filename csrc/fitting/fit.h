/* A whole fit in memory of the caller's: centred logarithms, starts, minimisations, certificate;
 * and the resamples of its runs.
 */
#ifndef SC_FITTING_FIT_H
#define SC_FITTING_FIT_H

#include "fitting/forms.h"
#include "fitting/solver.h"

/* A table of runs in centred logarithms, what is fitted to it, and room for the work. */
typedef struct sc_fit_table {
    const sc_form_row *row;
    sc_law_loss loss;
    double delta; /* of Huber's loss as it is minimised: infinite for squares */
    ptrdiff_t runs, clusters;
    sc_centre centre;
    double *n, *m, *y;  /* [run]; m is n for a form without samples */
    double *target;     /* [run]: y, or the relative losses for SC_LOSS_SQUARED */
    double *weight;     /* [run], or NULL */
    ptrdiff_t *cluster; /* [run], or NULL: in order of their first runs */
    /* room: [run], [values][run], [run], [run] */
    double *value, *jacobian, *fitted, *residual;
    ptrdiff_t *slots, *head, *next; /* to number clusters, and to go through their runs */
    ptrdiff_t slot_count;
    double *starts, *first_deltas; /* [minimisation] of those that are made at a time */
    /* [minimisation] */
    double *theta, *objective, *gradient;
    int32_t *passes;
    void *solver;
    sc_keep_going keep_going;
    void *state;
} sc_fit_table;

/* How much room a call needs, and, where `space` is not NULL, its places. */
size_t sc_fit_lay_out(const sc_engine *engine, const sc_law_options *options, void *space,
                      sc_fit_table *table);
/* Fill a table that is laid out; SC_ERROR_RANGE for a row that is not finite and positive. */
int sc_fit_fill(const sc_law_options *options, sc_fit_table *table);

/* The problem of the solver, of the table as it is. */
sc_fit_problem sc_fit_problem_of(const sc_fit_table *table, double delta);
/* d prediction / d theta at one theta into table->jacobian, and the values into table->value. */
void sc_fit_jacobian(const sc_engine *engine, const sc_fit_table *table, const double *theta);

/* Where minimisations ended: how many there are, the index of the best, and how many are as good.
   */
typedef struct sc_fit_ends {
    int count, best, agreed;
} sc_fit_ends;

/* Minimise from the starts of the table and of the options, and from more where that does not
   suffice (search.c): ends in table->theta, ->objective, ->gradient, ->passes. SC_OK or
   SC_STOPPED. */
int sc_fit_search(const sc_engine *engine, sc_fit_table *table, const sc_law_options *options,
                  sc_fit_ends *ends);
/* Fit. SC_OK or SC_STOPPED. */
int sc_fit_whole(const sc_engine *engine, sc_fit_table *table, const sc_law_options *options,
                 sc_law_result *result);
/* Condition, edges, status and reason of a result that has its theta (certificate.c). */
void sc_fit_certify(const sc_engine *engine, const sc_fit_table *table, sc_law_result *result);
/* The fitted losses, and the residuals that wild resamples multiply by random weights, into
   table->fitted and ->residual (wild.c). SC_OK or SC_STOPPED. */
int sc_fit_wild(const sc_engine *engine, sc_fit_table *table, const double *theta);
/* Resamples, as sc_law_resample. */
int sc_fit_draws(const sc_engine *engine, sc_fit_table *table, const sc_law_result *result,
                 sc_law_draws how, uint64_t key, uint64_t first, ptrdiff_t count, double *values);

#endif

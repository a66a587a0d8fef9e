/* The spectral bounds over arrays whose points may be of several input dimensions: which table a
 * point reads from, what lies outside the domain, and the status of a budget.
 */
#ifndef SC_SPECTRAL_ARRAYS_H
#define SC_SPECTRAL_ARRAYS_H

#include "engine/engine.h"

#define SC_LARGEST_ARGUMENT 1e300

/* Tables by input dimension, in increasing order. */
typedef struct sc_table_entry {
    double input_dim;
    const sc_strategies *table;
} sc_table_entry;

typedef struct sc_tables {
    const sc_table_entry *entries;
    ptrdiff_t count;
} sc_tables;

/* The table of an input dimension, or NULL. */
const sc_strategies *sc_table_of(const sc_tables *tables, double input_dim);

/* Whether a bound is defined at n, T and K, if the input dimension has a table. */
int sc_is_spectral_point(double n, double T, double K);

/* Points first ... last - 1 of n, T, d and K, which lie in bytes[0] ... bytes[3], so many bytes
 * apart; of what a point's sc_spectral_terms are, which begin with the error, the first `wanted`
 * bytes go to bytes[4]. A point outside the domain gets NaN for its error alone. Returns how many
 * did that had no NaN among their arguments. */
ptrdiff_t sc_spectral_array(const sc_engine *engine, const sc_tables *tables, int with,
                            ptrdiff_t first, ptrdiff_t last, char *const bytes[5],
                            const ptrdiff_t steps[5], size_t wanted);

/* As the kernel compute_optimal, in = {budget, input_dim, concentration, cost}. */
void sc_spectral_frontier(const sc_engine *engine, const sc_tables *tables, int with, int integer,
                          ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out);

/* What a frontier minimises: a bound in closed form, or a spectral one. */
typedef struct sc_objective {
    sc_bound bound;          /* the closed form, where `tables` is NULL */
    const sc_tables *tables; /* those of a spectral bound, or NULL */
    int with;                /* the strategies of a spectral bound (flags) */
} sc_objective;

void sc_frontier(const sc_engine *engine, const sc_objective *objective, int integer,
                 ptrdiff_t count, const sc_column in[4], const sc_frontier_out *out);

#endif

/* Where fits begin. */
#ifndef SC_FITTING_STARTS_H
#define SC_FITTING_STARTS_H

#include "engine/engine.h"
#include "fitting/fitting.h"

#define SC_FIT_STARTS 8 /* at most: as many minimisations as run side by side in the widest pack */

/* Starts [start][parameter] for runs of a form of the engine's, best first; they depend on the
   runs alone. Returns how many there are. */
int sc_fit_starts(const sc_fit_runs *runs, double *starts);

#define SC_FIT_AROUND 24 /* more starts, of each kind: */
#define SC_FIT_MORE_STARTS (3 * SC_FIT_AROUND)

/* Starts [SC_FIT_MORE_STARTS][parameter] inside the box: near theta, farther away (each at several
   distances), and anywhere; the same ones for the same seed. At most 12 parameters. */
void sc_fit_around(const sc_engine *engine, int parameters, const double *low, const double *high,
                   const double *theta, uint64_t seed, double *starts);

#endif

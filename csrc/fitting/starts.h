/* Where fits begin. */
#ifndef SC_FITTING_STARTS_H
#define SC_FITTING_STARTS_H

#include "fitting/fitting.h"

#define SC_FIT_STARTS 8 /* at most: as many minimisations as run side by side in the widest pack */

/* Starts [start][parameter] for runs of a form of the engine's, best first; they depend on the
   runs alone. Returns how many there are. */
int sc_fit_starts(const sc_fit_runs *runs, double *starts);

#endif

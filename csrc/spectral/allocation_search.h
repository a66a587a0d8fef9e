/* What the search of one budget's best allocation has found. */
#ifndef SC_ALLOCATION_SEARCH_H
#define SC_ALLOCATION_SEARCH_H

#include "spectral/stick_strategy.h"

/* The best strategy that one budget's search has found, and its samples and row. */
typedef struct allocation_search {
    sc_spectral_terms best;
    double samples;
    ptrdiff_t row;
    stick_code code; /* of sticks */
} allocation_search;

#endif

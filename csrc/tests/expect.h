/* What the files of the driver share. */
#ifndef SC_EXPECT_H
#define SC_EXPECT_H

#include "scalecore.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
/* There what was allocated on a boundary has a free of its own, so that the driver takes all of its
   memory in that way. (No reallocation: nothing of the driver grows.) */
#include <malloc.h>
static inline void *aligned_zeros(size_t count, size_t size)
{
    void *p = _aligned_malloc(count * size, 16);
    return p ? memset(p, 0, count * size) : NULL;
}
#undef malloc
#undef calloc
#undef free
#define malloc(bytes) _aligned_malloc(bytes, 16)
#define calloc aligned_zeros
#define aligned_alloc(boundary, bytes) _aligned_malloc(bytes, boundary)
#define free _aligned_free
#endif

extern int failures;
#define EXPECT(what)                                          \
    do {                                                      \
        if (!(what)) {                                        \
            failures++;                                       \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #what); \
        }                                                     \
    } while (0)

/* Zeros on cache lines of their own, of the exact size where that is a multiple of a line. */
static inline void *lines(size_t bytes)
{
    const size_t whole = (bytes + SC_ALIGNMENT - 1) / SC_ALIGNMENT * SC_ALIGNMENT;
    void *p = aligned_alloc(SC_ALIGNMENT, whole ? whole : SC_ALIGNMENT);
    if (!p)
        abort();
    memset(p, 0, whole ? whole : SC_ALIGNMENT);
    return p;
}

static inline int same(double a, double b)
{
    return !memcmp(&a, &b, sizeof a) || (isnan(a) && isnan(b));
}

/* A keep_going that says no after so many calls. */
static inline int patience_of(void *state) { return (*(int *)state)-- > 0; }

void check_known(void);
void check_networks(void);
void check_training(void);
void check_filter(void);
void check_posterior(void);
void check_spectral(void);
void check_tables(void);
void check_laws(void);
void check_wrong_laws(void);

#endif

/* What the public functions ask of their arguments before any work starts. */
#ifndef SC_CHECK_H
#define SC_CHECK_H

#include "engine/engine.h"

#include <string.h>

/* elements of an array: few enough that no number of bytes overflows */
#define SC_MOST_COUNT (PTRDIFF_MAX / 16)
#define SC_MOST_BLOCK 1048576 /* inputs or samples of one call */
#define SC_LINES(bytes) (((bytes) + SC_ALIGNMENT - 1) / SC_ALIGNMENT * SC_ALIGNMENT)

typedef struct sc_span { /* bytes first ... last - 1 */
    uintptr_t first, last;
} sc_span;

/* The bytes of `count` elements of `each` bytes, `stride` elements apart; returns 0 if no address
   space can hold them. */
static inline int sc_span_of(const void *data, ptrdiff_t count, ptrdiff_t stride, size_t each,
                             sc_span *span)
{
    const uintptr_t at = (uintptr_t)data;
    const uintptr_t step = stride < 0 ? (uintptr_t)0 - (uintptr_t)stride : (uintptr_t)stride;
    span->first = span->last = at;
    if (count <= 0)
        return 1;
    if (step && (uintptr_t)(count - 1) > (uintptr_t)SC_MOST_COUNT / step)
        return 0;
    const uintptr_t reach = (uintptr_t)(count - 1) * step * each;
    if (stride < 0 ? reach > at : reach + each > UINTPTR_MAX - at)
        return 0;
    span->first = stride < 0 ? at - reach : at;
    span->last = (stride < 0 ? at : at + reach) + each;
    return 1;
}

static inline int sc_disjoint(sc_span a, sc_span b)
{
    return a.first == a.last || b.first == b.last || a.last <= b.first || b.last <= a.first;
}

static inline int sc_aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

/* One array of a call: `bytes` bytes at `data`, with the alignment that it needs; and whether the
   call writes it. */
typedef struct sc_array {
    const void *data;
    size_t bytes, alignment;
    int written;
} sc_array;

/* SC_OK if every array that has bytes is there and aligned, and none that is written overlaps
   another. */
static inline int sc_check_arrays(const sc_array *arrays, int count)
{
    for (int i = 0; i < count; i++) {
        const sc_array *a = &arrays[i];
        if (a->bytes && !a->data)
            return SC_ERROR_NULL;
        if (a->bytes && !sc_aligned(a->data, a->alignment))
            return SC_ERROR_ALIGNMENT;
        if (a->bytes > PTRDIFF_MAX || a->bytes > UINTPTR_MAX - (uintptr_t)a->data)
            return SC_ERROR_RANGE;
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) {
            const uintptr_t a = (uintptr_t)arrays[i].data, b = (uintptr_t)arrays[j].data;
            if ((arrays[i].written || arrays[j].written)
                && !sc_disjoint((sc_span){a, a + arrays[i].bytes},
                                (sc_span){b, b + arrays[j].bytes}))
                return SC_ERROR_OVERLAP;
        }
    return SC_OK;
}

/* A column of inputs is fine if it is there and aligned, and is either the output column itself or
   does not overlap it. */
static inline int sc_column_is_fine(sc_column column, ptrdiff_t count, const void *out,
                                    ptrdiff_t out_stride, sc_span out_span)
{
    sc_span span;
    if (!column.data || !sc_aligned(column.data, _Alignof(double))
        || !sc_span_of(column.data, count, column.stride, sizeof(double), &span))
        return 0;
    return sc_disjoint(span, out_span)
           || (column.data == out && (column.stride == out_stride || count == 1));
}

/* Whether `count` points may be read from the columns and their results written to out. */
static inline int sc_columns_are_fine(const sc_column *in, int columns, ptrdiff_t count,
                                      const double *out, ptrdiff_t out_stride)
{
    sc_span span;
    if (count < 0 || !out || !sc_aligned(out, _Alignof(double)) || (out_stride == 0 && count > 1)
        || !sc_span_of(out, count, out_stride, sizeof(double), &span))
        return 0;
    for (int i = 0; i < columns; i++)
        if (!sc_column_is_fine(in[i], count, out, out_stride, span))
            return 0;
    return 1;
}

/* Seven columns of results, which may take inputs' places but not each other's. */
static inline int sc_results_are_fine(const sc_column in[4], ptrdiff_t count,
                                      const sc_frontier_out *out)
{
    const void *const column[7] = {
        out->width,      out->samples,    out->error, out->misspecification,
        out->estimation, out->elasticity, out->status};
    sc_span span[7];
    for (int i = 0; i < 7; i++) {
        const size_t each = i < 6 ? sizeof(double) : sizeof(int8_t);
        if (!sc_aligned(column[i], i < 6 ? _Alignof(double) : 1)
            || !sc_span_of(column[i], column[i] ? count : 0, 1, each, &span[i]))
            return 0;
        for (int j = 0; j < i; j++)
            if (!sc_disjoint(span[i], span[j]))
                return 0;
        for (int j = 0; j < 4; j++)
            if (!sc_column_is_fine(in[j], count, i < 6 ? column[i] : NULL, 1, span[i]))
                return 0;
    }
    return 1;
}

/* Copy a caller's struct, perhaps of an older and shorter version, over ours, which is zero but for
   its size. */
static inline int sc_copy_options(void *ours, size_t size, size_t least, const void *theirs)
{
    size_t given;
    if (!theirs)
        return SC_ERROR_NULL;
    if (!sc_aligned(theirs, _Alignof(double)))
        return SC_ERROR_ALIGNMENT;
    memcpy(&given, theirs, sizeof given);
    /* a size that ends within a field belongs to no version of the struct */
    if (given < least || given > size || given % sizeof(void *))
        return SC_ERROR_SIZE;
    memcpy(ours, theirs, given);
    return SC_OK;
}

static inline int sc_is_precision(int precision)
{
    return precision == SC_DOUBLE || precision == SC_SINGLE;
}

static inline size_t sc_number_size(int precision)
{
    return precision == SC_SINGLE ? sizeof(float) : sizeof(double);
}

/* Wraps the caller's keep_going and remembers its answer: a kernel that is told to stop returns
   early without saying so. */
typedef struct sc_asked {
    sc_keep_going keep_going;
    void *state;
    int stopped;
} sc_asked;

static inline int sc_ask(void *state)
{
    sc_asked *const a = state;
    if (!a->stopped && a->keep_going && !a->keep_going(a->state))
        a->stopped = 1;
    return !a->stopped;
}

#endif

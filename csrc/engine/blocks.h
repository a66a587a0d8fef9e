/* Strided columns as whole packs: what the kernels read and write is always a block of full packs
   in order. */
#ifndef SC_BLOCKS_H
#define SC_BLOCKS_H

#include "simd/vector.h"
#include "scalecore.h"

/* points of a block: their intermediate results stay in the first cache; a multiple of SC_LANES */
#define SC_BLOCK 256

/* A block of one input: pack i starts at data + i * step. */
typedef struct sc_packs {
    const double *data;
    ptrdiff_t step;      /* SC_LANES, or 0 where one value serves every point */
    const double *ahead; /* what to prefetch: the next block, or this one where it is the last */
} sc_packs;

SC_INLINE real sc_pack(const sc_packs *p, int i) { return r_load(p->data + i * p->step); }

/* Ask for pack i of the next block while this one is computed: the phases read memory in bursts,
   between which the processor's own prefetching falls asleep. One pack at a time, because more
   requests than there are fill buffers would hold up everything else. */
SC_INLINE void sc_fetch_ahead(const sc_packs *p, int i) { SC_PREFETCH(p->ahead + i * p->step); }

/* Open points first ... first + size - 1 of a column of `count` points. Lanes of the last pack that
   are left over repeat the block's first point. What does not lie together is copied to `buffer`. */
SC_INLINE void sc_open(sc_packs *p, sc_column column, ptrdiff_t first, int size, ptrdiff_t count,
                       double buffer[SC_BLOCK])
{
    const double *source = column.data + first * column.stride;
    p->step = column.stride ? SC_LANES : 0;
    p->data = p->ahead = buffer;
    if (column.stride == 1 && size % SC_LANES == 0) {
        p->data = source;
        p->ahead = count - first >= size + SC_BLOCK ? source + size : source;
    } else if (column.stride == 0)
        for (int j = 0; j < SC_LANES; j++)
            buffer[j] = *source;
    else {
        const int padded = (size + SC_LANES - 1) / SC_LANES * SC_LANES;
        for (int j = 0; j < padded; j++)
            buffer[j] = source[j < size ? j * column.stride : 0];
    }
}

SC_INLINE void sc_spread(const double *block, int count, double *out, ptrdiff_t stride)
{
    for (int j = 0; j < count; j++)
        out[j * stride] = block[j];
}

#endif

/* Counter-based random streams: Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011), a pack of blocks
 * at a time.
 *
 * A number is a pure function of (key, item, purpose, place): key from the user's seed, item the
 * network or repeat, purpose what the number is for. So nothing depends on who computes it, or
 * when. Numbers come in groups of 16, from eight consecutive counters of two 64-bit words each:
 * place v of a group is word v/8 of counter v%8, for every pack size.
 */
#ifndef SC_PHILOX_H
#define SC_PHILOX_H

#include "special/special.h"

#define SC_GROUP 16

typedef enum sc_purpose {
    SC_FOR_STICKS = 1,
    SC_FOR_DIRECTIONS = 2,
    SC_FOR_SIGNS = 3,
    SC_FOR_INPUTS = 4,
    SC_FOR_LABELS = 5,
    SC_FOR_WEIGHTS = 6,       /* the weights at which learners begin */
    SC_FOR_FRESH_INPUTS = 7,  /* inputs on which trained learners are evaluated */
    SC_FOR_CHAINS = 8,        /* momenta and first states of chains over the posterior */
    SC_FOR_CHAIN_CHOICES = 9, /* their choices */
    SC_FOR_HISTORIES = 10,    /* histories of a finite model */
    SC_FOR_TRUTHS = 11,       /* which network of a set is the truth, and its labels */
    SC_FOR_TRUTH_INPUTS = 12,
    SC_FOR_RESAMPLES = 13, /* of a table of runs */
    SC_FOR_STARTS = 14,    /* around a fit's optimum */
    SC_FOR_DRAWS = 16      /* + the place of the width */
} sc_purpose;

typedef struct sc_stream {
    uint64_t key, item;
    uint32_t purpose; /* below 256 */
} sc_stream;

/* Ten rounds on c; only the low 32 bits of each lane count, in and out. */
SC_INLINE void sc_philox(bits c[4], uint64_t key)
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const bits p = b_multiply32(c[0], b_set(0xD2511F53u)),
                   q = b_multiply32(c[2], b_set(0xCD9E8D57u));
        c[0] = (q >> 32) ^ c[1] ^ b_set(k0);
        c[2] = (p >> 32) ^ c[3] ^ b_set(k1);
        c[1] = q;
        c[3] = p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* The two 64-bit words of counters first, first + 1, ... */
SC_INLINE void sc_words(const sc_stream *s, uint64_t first, bits *low, bits *high)
{
    const bits place = b_set(first) + b_lane_numbers();
    bits c[4] = {place, place >> 32, b_set((uint32_t)s->item),
                 b_set((uint32_t)(s->item >> 32 << 8) | s->purpose)};
    sc_philox(c, s->key);
    const bits word = b_set(0xffffffffu);
    *low = (c[0] & word) | (c[1] << 32);
    *high = (c[2] & word) | (c[3] << 32);
}

/* Uniform numbers on the open interval (0, 1): odd multiples of 2^-53. */
SC_INLINE real sc_open_uniform(bits word)
{
    return r_from_bits((word >> 12) | b_set((uint64_t)1023 << 52)) - r_set(1.0 - 0x1p-53);
}

SC_INLINE real sc_exponential(real uniform)
{
    /* the logarithm is rounded and might else give a negative number */
    return r_max(-sc_log(uniform), r_set(0x1p-54));
}

/* Box and Muller's pair; cos and sin of 2 pi v from Taylor polynomials on an eighth of the
   circle. */
SC_INLINE void sc_normal_pair(real u, real v, real *first, real *second)
{
    const real radius = r_sqrt(r_set(2.0) * sc_exponential(u));
    const real shift = r_set(0x1.8p52);
    const real shifted = r_fma(v, r_set(4.0), shift);
    const real angle = r_fma(shifted - shift, r_set(-0.25), v) * r_set(6.283185307179586);
    const real a2 = angle * angle;
    real sine = r_set(1.0 / 6227020800.0), cosine = r_set(-1.0 / 87178291200.0);
    static const double sines[6] = {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040,
                                    1.0 / 120,       -1.0 / 6,     1.0};
    static const double cosines[7] = {1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720,
                                      1.0 / 24,        -0.5,           1.0};
    for (int i = 0; i < 6; i++)
        sine = r_fma(sine, a2, r_set(sines[i]));
    for (int i = 0; i < 7; i++)
        cosine = r_fma(cosine, a2, r_set(cosines[i]));
    sine = sine * angle;
    const bits quarter = r_bits(shifted);
    const mask odd = b_nonzero(quarter & b_set(1));
    /* quarter turns 0..4: cos is negative in 1 and 2, sin in 2 and 3 */
    const bits cos_sign = ((quarter + b_set(1)) & b_set(2)) << 62, sin_sign = (quarter & b_set(2))
                                                                              << 62;
    *first = radius * r_from_bits(r_bits(r_select(odd, sine, cosine)) ^ cos_sign);
    *second = radius * r_from_bits(r_bits(r_select(odd, cosine, sine)) ^ sin_sign);
}

/* Groups first .. first + groups of a stream, 16 numbers each. */
SC_INLINE void sc_fill_uniform(const sc_stream *s, uint64_t first, int groups, double *out)
{
    for (int g = 0; g < groups; g++)
        for (int l = 0; l < 8; l += SC_LANES) {
            bits low, high;
            sc_words(s, (first + (uint64_t)g) * 8 + (uint64_t)l, &low, &high);
            r_store(out + SC_GROUP * g + l, sc_open_uniform(low));
            r_store(out + SC_GROUP * g + 8 + l, sc_open_uniform(high));
        }
}

SC_INLINE void sc_fill_exponential(const sc_stream *s, uint64_t first, int groups, double *out)
{
    for (int g = 0; g < groups; g++)
        for (int l = 0; l < 8; l += SC_LANES) {
            bits low, high;
            sc_words(s, (first + (uint64_t)g) * 8 + (uint64_t)l, &low, &high);
            r_store(out + SC_GROUP * g + l, sc_exponential(sc_open_uniform(low)));
            r_store(out + SC_GROUP * g + 8 + l, sc_exponential(sc_open_uniform(high)));
        }
}

SC_INLINE void sc_fill_normal(const sc_stream *s, uint64_t first, int groups, double *out)
{
    for (int g = 0; g < groups; g++)
        for (int l = 0; l < 8; l += SC_LANES) {
            bits low, high;
            real x, y;
            sc_words(s, (first + (uint64_t)g) * 8 + (uint64_t)l, &low, &high);
            sc_normal_pair(sc_open_uniform(low), sc_open_uniform(high), &x, &y);
            r_store(out + SC_GROUP * g + l, x);
            r_store(out + SC_GROUP * g + 8 + l, y);
        }
}

/* Fair signs, +1 or -1. */
SC_INLINE void sc_fill_sign(const sc_stream *s, uint64_t first, int groups, double *out)
{
    const bits one = r_bits(r_set(1.0)), top = b_set((uint64_t)1 << 63);
    for (int g = 0; g < groups; g++)
        for (int l = 0; l < 8; l += SC_LANES) {
            bits low, high;
            sc_words(s, (first + (uint64_t)g) * 8 + (uint64_t)l, &low, &high);
            r_store(out + SC_GROUP * g + l, r_from_bits(one | (low & top)));
            r_store(out + SC_GROUP * g + 8 + l, r_from_bits(one | (high & top)));
        }
}

/* Numbers one at a time, for code that cannot say beforehand how many it needs. */
typedef struct sc_sequence {
    sc_stream stream;
    uint64_t group;
    int used;
    double buffer[SC_GROUP]; /* uniforms */
} sc_sequence;

SC_INLINE sc_sequence sc_sequence_of(sc_stream stream)
{
    sc_sequence q;
    q.stream = stream;
    q.group = 0;
    q.used = SC_GROUP;
    return q;
}

SC_INLINE double sc_next_uniform(sc_sequence *q)
{
    if (q->used == SC_GROUP) {
        sc_fill_uniform(&q->stream, q->group++, 1, q->buffer);
        q->used = 0;
    }
    return q->buffer[q->used++];
}

/* Whole groups of uniforms at once; those that wait in the buffer stay there. */
SC_INLINE void sc_next_groups(sc_sequence *q, int groups, double *out)
{
    sc_fill_uniform(&q->stream, q->group, groups, out);
    q->group += (uint64_t)groups;
}

#endif

/* What rounding may have added to the eigenvalues of a projection, bounded: docs/spectral.md, 12.1,
 * whose inequalities are cited here by their numbers. Nothing is estimated: a bound is a product of
 * norms of the matrices that were computed and of a number of roundings.
 *
 * In these comments u is the unit roundoff; G = U'U is the Gram matrix, X = U'^-1 lower, H the
 * covariance between the directions' functions, S their slopes, M = X H X'.
 */
#ifndef SC_ROUNDING_H
#define SC_ROUNDING_H

#include "spectral/matrices.h"

/* What rounding does to the matrices of a set, the same for each character. */
typedef struct sc_rounding {
    double gram, covariance, slopes; /* an entry of G, H, S is wrong by at most so much */
    double norm, slope_norm;         /* at least those of |H| and |S|, spectral */
    double left_out;                 /* of an entry of H, by degrees that its series leaves out */
    double features;                 /* relative, of a quadratic form at a direction */
    double weights, slope_weights;   /* relative, of the weights of the degrees in H and S */
} sc_rounding;

/* Products with the features of low degrees: their number, and the sums of squares of all features
   w and of all X w. */
typedef struct sc_low_degrees {
    ptrdiff_t count;
    double square, projected;
} sc_low_degrees;

/* An upper bound on (1 + u)^roundings - 1. */
static double rounding_of(double roundings) { return 1.01 * SC_UNIT_ROUNDOFF * roundings; }

/* The largest relative error of a squared length that shall be 1, of vectors [coordinate][stride]:
   as computed, and what computing it may hide. */
static double error_of_lengths(const sc_orbits *o, const double *directions, ptrdiff_t stride)
{
    double worst = 0;
    for (ptrdiff_t i = 0; i < o->orbits; i++) {
        double square = 0;
        for (int c = 0; c < o->d; c++)
            square += directions[c * stride + i] * directions[c * stride + i];
        worst = fmax(worst, fabs(square - 1));
    }
    return 1.01 * worst + rounding_of(o->d + 2);
}

/* (1) to (3). `norm` of H is what its rows add up to, and is found with its entries. */
static sc_rounding rounding_of_entries(const sc_orbits *o, const sc_covariance_weights *w,
                                       double length)
{
    const double images = (double)(1 << o->bits), size = (double)sc_set_size(o);
    const double cosine = 1.01 * length + rounding_of(o->d + o->bits + 1);
    const double legendre = cosine + rounding_of(5.0 * (o->d - 1));
    const double sums = rounding_of(w->terms + o->bits + 8.0);
    return (sc_rounding){
        .gram = images / 4 * (cosine + rounding_of(o->bits + 16.0)),
        .covariance = images * (w->steep * legendre + sums * w->sum),
        .slopes = images * (w->slope_steep * legendre + sums * w->slope_sum),
        .left_out = images * w->left_out,
        .slope_norm = 1.01 * size * w->slope_sum,
        .features = 1.01 * length + rounding_of(6),
        .weights = rounding_of(200 + 14.0 * w->terms),
        .slope_weights = rounding_of(204 + 14.0 * w->terms),
    };
}

/* (5): sum_ij |E_ij| v_i v_j of E = X G X' - I and weights v > 0. `column` becomes |X'|v and, if it
   is not NULL, `rows` |U||X'|v, n each. */
static double loss_by_overlaps(const sc_rounding *r, const double *upper, const double *inverse,
                               ptrdiff_t n, const double *weight, double *column, double *rows)
{
    double sum = 0, square = 0;
    memset(column, 0, sizeof(double) * (size_t)n);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            column[j] += fabs(inverse[i * n + j]) * weight[i];
    for (ptrdiff_t i = 0; i < n; i++) {
        double row[SC_PARTIAL_SUMS] = {0};
        ptrdiff_t j = i;
        for (; j + SC_PARTIAL_SUMS <= n; j += SC_PARTIAL_SUMS)
            for (int l = 0; l < SC_PARTIAL_SUMS; l++)
                row[l] += fabs(upper[i * n + j + l]) * column[j + l];
        for (; j < n; j++)
            row[0] += fabs(upper[i * n + j]) * column[j];
        const double all = sum_of_partial(row);
        square += all * all;
        sum += column[i];
        if (rows)
            rows[i] = all;
    }
    return 4.1 * rounding_of(SC_DEPTH(n)) * square + r->gram * sum * sum;
}

/* What a computed matrix with some errors may have to say of the exact span. */
typedef struct sc_losses {
    double sums;   /* the sum of the k largest eigenvalues may be too large by so much, for any k */
    double excess; /* the sum of all may be too small by so much */
    double each;   /* the least one, when divided by 1.5, may be too large by so much */
} sc_losses;

/* (13): what the exact trace may have more than the computed one because 1/x is above 2 - x. Where
   E is not small there is no bound, and this is infinite. `column` and `rows` are those of (5);
   `back` is room for n. */
static double excess_by_overlaps(const sc_rounding *r, const double *upper, const double *inverse,
                                 ptrdiff_t n, const double *weight, const double *column,
                                 const double *rows, double *back)
{
    const double depth = rounding_of(SC_DEPTH(n));
    double sum = 0, square = 0, ratio = 0;
    memset(back, 0, sizeof(double) * (size_t)n);
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += column[i];
        for (ptrdiff_t j = i; j < n; j++)
            back[j] += fabs(upper[i * n + j]) * rows[i];
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        double by_factor = 0, by_entries = 0;
        for (ptrdiff_t j = 0; j <= i; j++) {
            by_factor += fabs(inverse[i * n + j]) * back[j];
            by_entries += fabs(inverse[i * n + j]);
        }
        const double wrong = depth * (3.1 * by_factor + rows[i]) + r->gram * sum * by_entries;
        square += wrong * wrong;
        ratio = fmax(ratio, wrong / weight[i]);
    }
    return ratio < 0.5 ? 1.01 * square / (1 - 1.01 * ratio) : INFINITY;
}

/* (10), (13): of the eigenvalues of the computed M, brought to tridiagonal form. `inverse_square`:
 * the sum of the squares of X; `size`: at least M's Frobenius norm. `room` is for 4n. */
static sc_losses losses(const sc_rounding *r, const double *upper, const double *inverse,
                        const double *product, ptrdiff_t n, double inverse_square, double size,
                        const sc_low_degrees *low, double *room)
{
    double *const a = room, *const column = a + n, *const rows = column + n, *const back = rows + n;
    const double m = (double)n, depth = rounding_of(SC_DEPTH(n));
    const double feature = depth + r->features;
    /* errors of M whose Frobenius norm, and whose trace norm, is known: (6), (8), (9); (2), (7) */
    const double spread = 2.02 * depth * r->norm * inverse_square
                          + rounding_of((double)low->count / 4 + 8) * (size + 2.1 * low->projected)
                          + 4 * SC_UNIT_ROUNDOFF * m * (m + 192) * size;
    const double along = m * r->covariance * inverse_square
                         + 2 * feature * sqrt(inverse_square * low->square * low->projected)
                         + 3 * feature * feature * inverse_square * low->square;
    const double left_out = m * r->left_out * inverse_square;
    double trace = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        a[i] = sqrt(fmax(product[i * n + i], 0) + 3 * (spread + along) + left_out);
        trace += a[i] * a[i];
    }
    sc_losses found = {0, 0, 1.01 * (spread + along)};
    found.sums = 1.01
                 * (sqrt(m) * spread + along + r->weights * trace
                    + loss_by_overlaps(r, upper, inverse, n, a, column, rows));
    found.excess = found.sums + 1.01 * left_out
                   + excess_by_overlaps(r, upper, inverse, n, a, column, rows, back);
    return found;
}

/* (11): the same of the trace of X S X', whose diagonal is known; that is used up. */
static double loss_of_slope(const sc_rounding *r, const double *upper, const double *inverse,
                            ptrdiff_t n, double inverse_square, double *diagonal, double *room)
{
    const double wrong =
        (2.02 * rounding_of(2 * SC_DEPTH(n)) * r->slope_norm + (double)n * r->slopes)
        * inverse_square;
    double trace = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        trace += fmax(diagonal[i], 0);
        diagonal[i] = sqrt(fmax(diagonal[i], 0) + wrong);
    }
    return 1.01
           * (wrong + r->slope_weights * trace + rounding_of((double)n) * trace
              + loss_by_overlaps(r, upper, inverse, n, diagonal, room, NULL));
}

#endif

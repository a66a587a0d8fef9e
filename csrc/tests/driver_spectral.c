/* The driver's share of the spectral kernels: a table of made-up rows, on memory of the exact
   size. */
#include "engine/engine.h"
#include "expect.h"
#include "spectral/atom_columns.h"
#include "spectral/row_sums.h"
#include "spectral/spectrum.h"

enum { ROWS = 12, SENT = ROWS * (ROWS - 1) / 2, AHEAD = 8, RANGES = 4 * 40 + 1, COLUMNS = 17 };

typedef struct made_up {
    sc_strategies table;
    double *memory[COLUMNS];
    ptrdiff_t first[ROWS + 1], atom_row[ROWS];
    int32_t above[ROWS * RANGES];
} made_up;

static double *column(made_up *m, int which, size_t count)
{
    return m->memory[which] = malloc(count * sizeof(double));
}

/* Row r sends r eigenvalues, 0.1/4^i; floors are nought, which no cost is below, until
   lay_floors. */
static void make(made_up *m)
{
    double *units = column(m, 0, ROWS), *log_units = column(m, 1, ROWS),
           *residual = column(m, 2, ROWS), *log_residual = column(m, 3, ROWS);
    double *eigenvalue = column(m, 4, SENT + AHEAD), *multiplicity = column(m, 5, SENT + AHEAD);
    double *copies = column(m, 6, SENT + ROWS), *logarithms = column(m, 7, SENT + ROWS),
           *rest = column(m, 8, SENT + ROWS);
    double *log_rounding = column(m, 9, ROWS), *last_stick = column(m, 10, ROWS),
           *floors = column(m, 11, 2 * RANGES * ROWS), *log_delta = column(m, 12, ROWS),
           *last_polar = column(m, 13, ROWS), *polar_rise = column(m, 14, ROWS),
           *moments = column(m, 16, SC_MOMENTS * (SENT + ROWS));
    ptrdiff_t at = 0;
    for (int r = 0; r < ROWS; r++) {
        double left = 0.5;
        m->first[r] = at;
        m->atom_row[r] = r;
        for (int i = 0; i < r; i++, at++) {
            eigenvalue[at] = 0.1 / (1 << 2 * i);
            multiplicity[at] = 1 + i % 3;
            left -= multiplicity[at] * eigenvalue[at];
        }
        const ptrdiff_t sums = m->first[r] + r;
        sc_lay_row_sums(eigenvalue + m->first[r], multiplicity + m->first[r], r,
                        &(sc_row_sums){copies + sums, logarithms + sums, rest + sums,
                                       moments + SC_MOMENTS * sums});
        units[r] = r * (r + 1) / 2;
        log_units[r] = log(fmax(units[r], 0.5));
        residual[r] = left;
        log_residual[r] = log(left);
        log_rounding[r] = log(left);
        log_delta[r] = log(left);
        last_stick[r] = 1.5;
        last_polar[r] = 3;
        polar_rise[r] = 0.4;
    }
    m->first[ROWS] = at;
    memset(eigenvalue + SENT, 0, AHEAD * sizeof(double));
    memset(multiplicity + SENT, 0, AHEAD * sizeof(double));
    memset(floors, 0, 2 * RANGES * ROWS * sizeof(double));
    m->table = (sc_strategies){.d = 10,
                               .rows = ROWS,
                               .units = units,
                               .log_units = log_units,
                               .residual = residual,
                               .log_residual = log_residual,
                               .first = m->first,
                               .eigenvalue = eigenvalue,
                               .multiplicity = multiplicity,
                               .copies = copies,
                               .logarithms = logarithms,
                               .rest = rest,
                               .moments = moments,
                               .floors = {floors, floors},
                               .ranges = RANGES,
                               .atom_rows = ROWS,
                               .atom_row = m->atom_row,
                               .log_rounding = log_rounding,
                               .last_stick = last_stick,
                               .log_delta = log_delta,
                               .last_polar = last_polar,
                               .polar_rise = polar_rise,
                               .even = {0.167, 1.38e-3},
                               .log_low = {log(0.167), log(1.38e-3), log(1 / 40.0)},
                               .copies_2 = 54,
                               .beyond = 8e-3,
                               .beyond_orthogonal = 1e-4};
    sc_lay_counts(&m->table, m->above);
    m->table.above = m->above;
    sc_lay_atom_columns(&m->table, column(m, 15, sc_room_for_atom_columns(ROWS, RANGES)));
}

static void lay_floors(made_up *m)
{
    const sc_engine *engine = sc_engine_in_use();
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < RANGES; k++) {
            const double from = sc_range_start(k), to = sc_range_start(k + 1),
                         cost = engine->spectral_price(&m->table, 0, r, from);
            const double slope =
                k + 1 < RANGES ? (engine->spectral_price(&m->table, 0, r, to) - cost) / (to - from)
                               : 0;
            m->memory[11][2 * (k * ROWS + r)] = (cost - slope * from) * (1 - 1e-12);
            m->memory[11][2 * (k * ROWS + r) + 1] = slope * (1 - 1e-12);
        }
    sc_lay_atom_columns(&m->table, m->memory[15]);
}

enum { ALL = SC_REFINED_BOUND, COUNT = 9 * 9 * 9 };

/* With and without floors the same: they leave out nothing that is best. Noise only, whose floors
   they are. */
static void same_with_floors(made_up *m)
{
    const sc_engine *engine = sc_engine_in_use();
    enum { SOME = 700 };
    static const int strategies[2] = {SC_WITH_ATOMS | SC_WITH_STICKS,
                                      SC_WITH_ATOMS | SC_WITH_STICKS | SC_WITH_POLAR};
    static const int wanted[2] = {SC_ATOMS_TOO, SC_POLAR_TOO};
    double *n = malloc(SOME * sizeof *n), *T = malloc(SOME * sizeof *T),
           *K = malloc(SOME * sizeof *K);
    sc_spectral_terms *before = malloc(2 * SOME * sizeof *before),
                      *after = malloc(SOME * sizeof *after);
    for (int i = 0; i < SOME; i++) {
        n[i] = floor(exp(fmod(i * 0.37, 14)));
        T[i] = exp(fmod(i * 0.91, 32));
        K[i] = exp(fmod(i * 0.53, 16) - 6);
    }
    for (int k = 0; k < 2; k++)
        engine->spectral_points(&m->table, strategies[k], SOME, n, T, K, before + k * SOME);
    lay_floors(m);
    for (int k = 0; k < 2; k++) {
        engine->spectral_points(&m->table, strategies[k], SOME, n, T, K, after);
        int found = 0;
        for (int i = 0; i < SOME; i++) {
            EXPECT(fabs(before[k * SOME + i].error - after[i].error) <= 1e-11 * after[i].error);
            found += after[i].strategy == wanted[k];
        }
        EXPECT(found > 20);
    }
    free(n);
    free(T);
    free(K);
    free(before);
    free(after);
}

static void points(const sc_strategies *table)
{
    static const double edge[] = {1, 1.5, 2, 7, 300, 1e9, 1e20, 1e153, 1e300},
                        K_edge[] = {5e-324, 1e-300, 1e-8, 0.3, 9.99, 80, 1e9, 1e153, 1e300};
    const sc_engine *engine = sc_engine_in_use();
    double *n = malloc(COUNT * sizeof *n), *T = malloc(COUNT * sizeof *T),
           *K = malloc(COUNT * sizeof *K);
    sc_spectral_terms *fixed = malloc(COUNT * sizeof *fixed),
                      *terms = malloc(COUNT * sizeof *terms), one;
    for (int i = 0; i < COUNT; i++) {
        n[i] = edge[i % 9];
        T[i] = edge[i / 9 % 9];
        K[i] = K_edge[i / 81];
    }
    engine->spectral_points(table, 0, COUNT, n, T, K, fixed);
    for (int with = 1; with <= ALL; with++) {
        engine->spectral_points(table, with, COUNT, n, T, K, terms);
        for (int i = 0; i < COUNT; i++) {
            const sc_spectral_terms *t = &terms[i];
            EXPECT(t->error > 0 && t->error <= fixed[i].error * (1 + 1e-12)
                   && t->units + t->atoms <= n[i] * (1 + 1e-12));
            EXPECT(fabs(t->coefficients + t->distortion + t->residual + t->list + t->resolution_loss
                        - t->error)
                   <= 1e-12 * t->error);
            engine->spectral_points(table, with, 1, n + i, T + i, K + i, &one);
            EXPECT(!memcmp(&one, t, sizeof one)
                   || (isnan(one.resolution) && same(one.error, t->error)));
        }
    }
    free(n);
    free(T);
    free(K);
    free(fixed);
    free(terms);
}

static void budgets(const sc_strategies *table)
{
    const sc_engine *engine = sc_engine_in_use();
    for (double most = 1; most <= 1e300; most *= most < 1e30 ? 37.3 : 1e90)
        for (double K = 1e-300; K <= 1e300; K *= K < 1e-3 || K > 1e6 ? 1e99 : 11)
            for (int with = 0; with <= ALL; with += 5)
                for (int integer = 0; integer < 2; integer++) {
                    sc_spectral_optimum best;
                    engine->spectral_optimal(table, with, integer, most, K, &best);
                    EXPECT(best.terms.error > 0 && best.terms.error <= 1.0 / 16 && best.width >= 1
                           && best.samples >= 1);
                    EXPECT(best.width * best.samples <= most * (1 + 1e-9)
                           && isfinite(best.elasticity));
                    EXPECT(!integer
                           || (best.width == floor(best.width)
                               && best.samples == floor(best.samples)));
                }
}

/* Between 0 and the upper bound, for T in any order, whatever came before. */
static void lower_bound(void)
{
    const sc_engine *engine = sc_engine_in_use();
    const double dims[] = {1, 2, 3, 10, 1e5, 1e15};
    for (int i = 0; i < 6; i++)
        for (double K = 1e-300; K <= 1e300; K *= K < 1e-3 || K > 1e6 ? 1e99 : 11) {
            sc_lower_bound *bound = malloc(sizeof *bound);
            sc_sphere *sphere = malloc(sizeof *sphere);
            engine->lower_bound_open(bound, dims[i], K);
            sc_sphere_open(sphere, dims[i]);
            const double first = engine->bayes_error_lower_bound(bound, 37);
            for (double T = 1; T <= 1e300; T *= T < 1e15 ? 37 : 1e50) {
                const double value = engine->bayes_error_lower_bound(bound, T);
                EXPECT(value >= 0 && value < sc_bayes_error_bound(sphere, T));
                EXPECT(same(first, engine->bayes_error_lower_bound(bound, 37)));
            }
            free(sphere);
            free(bound);
        }
}

void check_spectral(void)
{
    made_up m;
    memset(&m, 0, sizeof m);
    make(&m);
    points(&m.table);
    budgets(&m.table);
    same_with_floors(&m);
    lower_bound();
    for (int i = 0; i < COLUMNS; i++)
        free(m.memory[i]);
}

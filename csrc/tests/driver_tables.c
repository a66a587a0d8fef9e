/* The driver's share of spectral tables: made from rows and from bytes, good and bad, and the
   public functions that read them. */
#include "expect.h"

#include <unistd.h>

enum { ROWS = 9, NUMBERS = ROWS * (ROWS - 1) / 2, BYTES = 8 * (5 + 4 * ROWS + 2 * NUMBERS) };

typedef struct rows_of {
    double units[ROWS], eigenvalues[NUMBERS], copies[NUMBERS], residual[ROWS], delta[ROWS];
    int64_t lengths[ROWS];
} rows_of;

/* Row r sends r variances, 0.1/4^i. */
static void make_rows(rows_of *rows)
{
    int at = 0;
    for (int r = 0; r < ROWS; r++) {
        rows->units[r] = r < 2 ? r : r * r;
        rows->lengths[r] = r;
        rows->delta[r] = rows->residual[r] = 0.5;
        for (int i = 0; i < r; i++, at++) {
            rows->eigenvalues[at] = 0.1 / (1 << 2 * i);
            rows->copies[at] = 1 + i % 3;
            rows->residual[r] -= rows->copies[at] * rows->eigenvalues[at];
        }
    }
}

static int build(const rows_of *rows, double input_dim, int64_t count, sc_spectral_table **table)
{
    return sc_spectral_table_build(input_dim, count, rows->units, rows->lengths, rows->eigenvalues,
                                   rows->copies, rows->residual, rows->delta, table);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void put_word(unsigned char *bytes, uint64_t word)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(word >> 8 * i);
}

static void put_double(unsigned char *bytes, double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    put_word(bytes, word);
}

/* CRC-32 a bit at a time: written apart from the engine's. */
static void sign(unsigned char *bytes)
{
    uint32_t crc = 0xffffffffu;
    for (int i = 0; i < BYTES - 8; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_word(bytes + BYTES - 8, ~crc);
}

static void make_file(const rows_of *rows, unsigned char *bytes)
{
    memcpy(bytes, "SCTABLE\x01", 8);
    put_double(bytes + 8, 10);
    put_word(bytes + 16, ROWS);
    put_word(bytes + 24, NUMBERS);
    bytes += 32;
    for (int i = 0; i < ROWS; i++, bytes += 8)
        put_double(bytes, rows->units[i]);
    for (int i = 0; i < ROWS; i++, bytes += 8)
        put_word(bytes, (uint64_t)rows->lengths[i]);
    for (int i = 0; i < NUMBERS; i++, bytes += 8)
        put_double(bytes, rows->eigenvalues[i]);
    for (int i = 0; i < NUMBERS; i++, bytes += 8)
        put_double(bytes, rows->copies[i]);
    for (int i = 0; i < ROWS; i++, bytes += 8)
        put_double(bytes, rows->residual[i]);
    for (int i = 0; i < ROWS; i++, bytes += 8)
        put_double(bytes, rows->delta[i]);
}

/* Whether bytes give a table; they lie on memory of the exact size. */
static int reads(const unsigned char *bytes, size_t count)
{
    unsigned char *exact = malloc(count ? count : 1);
    sc_spectral_table *table;
    if (!exact)
        abort();
    memcpy(exact, bytes, count);
    const int wrong = sc_spectral_table_read(exact, count, &table);
    EXPECT(wrong ? !table : sc_spectral_table_input_dim(table) >= 1);
    EXPECT(!wrong || wrong == SC_ERROR_FILE);
    sc_spectral_table_free(table);
    free(exact);
    return !wrong;
}

/* Every byte of a file is spoilt, or every so many where the environment asks for a short run. */
static int step_between_bytes(void)
{
    const char *text = getenv("SC_DRIVER_STEP");
    const int step = text ? atoi(text) : 1;
    return step > 0 ? step : 1;
}

static void files(const rows_of *rows)
{
    const int step = step_between_bytes();
    unsigned char good[BYTES] = {0}, bad[BYTES];
    static const uint64_t odd[] = {0,
                                   1,
                                   2,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   UINT64_MAX,
                                   0x7ff0000000000000,
                                   0x7ff8000000000000,
                                   1u << 20,
                                   1u << 30};
    make_file(rows, good);
    EXPECT(!reads(good, BYTES));
    sign(good);
    EXPECT(reads(good, BYTES));
    for (int cut = 0; cut < BYTES; cut += step)
        EXPECT(!reads(good, (size_t)cut));
    for (int i = 0; i < BYTES;
         i += step) { /* a bit, with the sum as it was and with one that fits */
        memcpy(bad, good, BYTES);
        bad[i] ^= (unsigned char)(1 << i % 8);
        EXPECT(!reads(bad, BYTES));
        if (i < BYTES - 8) {
            sign(bad);
            (void)reads(bad, BYTES);
        }
    }
    for (int i = 8; i < BYTES - 8; i += 8 * step) /* hostile numbers with a sum that fits */
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            memcpy(bad, good, BYTES);
            put_word(bad + i, odd[k]);
            sign(bad);
            (void)reads(bad, BYTES);
        }
    memcpy(bad, good, BYTES);
    bad[7] = 2; /* a later format */
    sign(bad);
    EXPECT(!reads(bad, BYTES));
}

static void loaded(const rows_of *rows)
{
    unsigned char bytes[BYTES];
    const char *const folder = getenv("TEMP"); /* Windows has it */
    char name[512];
    sc_spectral_table *built, *read = NULL;
    make_file(rows, bytes);
    sign(bytes);
    EXPECT(sc_spectral_table_load("/nowhere/at/all", &read) == SC_ERROR_FILE && !read);
    EXPECT(sc_spectral_table_load(NULL, &read) == SC_ERROR_NULL);
    EXPECT(sc_spectral_table_load("/nowhere/at/all", NULL) == SC_ERROR_NULL);
    snprintf(name, sizeof name, "%s/sctableXXXXXX", folder ? folder : "/tmp");
    const int file = mkstemp(name);
    EXPECT(file >= 0 && write(file, bytes, BYTES) == BYTES && !close(file));
    EXPECT(build(rows, 10, ROWS, &built) == SC_OK && sc_spectral_table_load(name, &read) == SC_OK);
    for (double n = 1; n < 1e6; n *= 3.7)
        EXPECT(same(sc_spectral_bound(built, SC_REFINED_BOUND, n, 1e6, 7),
                    sc_spectral_bound(read, SC_REFINED_BOUND, n, 1e6, 7)));
    sc_spectral_table_free(built);
    sc_spectral_table_free(read);
    remove(name);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void bad_rows(const rows_of *good)
{
    sc_spectral_table *table;
    const double nan = (double)NAN, inf = (double)INFINITY;
    for (int which = 0; which < 24; which++) {
        rows_of rows = *good;
        double d = 10;
        int64_t count = ROWS;
        switch (which) {
        case 0: d = 0; break;
        case 1: d = 10.5; break;
        case 2: d = nan; break;
        case 3: d = 1e16; break;
        case 4: count = 1; break;
        case 5: count = -1; break;
        case 6: count = INT64_MAX; break;
        case 7: rows.units[0] = 1; break;
        case 8: rows.units[5] = rows.units[4]; break;
        case 9: rows.units[ROWS - 1] = inf; break;
        case 10: rows.units[3] = nan; break;
        case 11: rows.lengths[0] = 1; break;
        case 12: rows.lengths[4] = 0; break;
        case 13: rows.lengths[4] = -1; break;
        case 14: rows.lengths[1] = INT64_MAX; break;
        case 15: rows.eigenvalues[5] = nan; break;
        case 16: rows.eigenvalues[2] = 0.2; break; /* it does not decrease */
        case 17: rows.eigenvalues[0] = 0; break;
        case 18: rows.copies[0] = 0; break;
        case 19: rows.copies[0] = 6; break; /* more variance than there is */
        case 20: rows.delta[3] = nan; break;
        case 21: rows.residual[2] += 1e-9; break;
        case 22: rows.residual[2] = nan; break;
        default: rows.eigenvalues[NUMBERS - 1] = 1e-300;
        }
        EXPECT(build(&rows, d, count, &table) == SC_ERROR_RANGE && !table);
    }
    EXPECT(build(good, 10, ROWS, NULL) == SC_ERROR_NULL);
    EXPECT(sc_spectral_table_build(10, ROWS, NULL, good->lengths, good->eigenvalues, good->copies,
                                   good->residual, good->delta, &table)
           == SC_ERROR_NULL);
    EXPECT(sc_spectral_table_build(10, ROWS, (const double *)((const char *)good->units + 4),
                                   good->lengths, good->eigenvalues, good->copies, good->residual,
                                   good->delta, &table)
           == SC_ERROR_ALIGNMENT);
    EXPECT(sc_spectral_table_read(NULL, 8, &table) == SC_ERROR_NULL);
    sc_spectral_table_free(NULL);
    EXPECT(isnan(sc_spectral_table_input_dim(NULL)) && isnan(sc_spectral_table_most_units(NULL)));
}

/* ---- points and budgets ---------------------------------------------------------------------- */

static void evaluated(const sc_spectral_table *table)
{
    static const double edge[] = {0.5, 1, 7.5, 300, 1e9, 1e300, 2e300, -1, INFINITY, NAN};
    enum { EDGES = sizeof edge / sizeof *edge, COUNT = EDGES * EDGES * EDGES };
    double *n = malloc(3 * COUNT * sizeof *n), *T = n + COUNT, *out = T + COUNT, K = 7;
    ptrdiff_t invalid = 0;
    for (int i = 0; i < COUNT; i++) {
        n[i] = edge[i % EDGES];
        T[i] = edge[i / EDGES % EDGES];
    }
    const sc_column cn = {n, 1}, cT = {T, 1}, cK = {&K, 0}, none = {NULL, 1};
    for (int with = 0; with <= SC_REFINED_BOUND; with++) {
        invalid = 0;
        const ptrdiff_t told = sc_spectral_evaluate(table, with, COUNT, cn, cT, cK, out, 1);
        for (int i = 0; i < COUNT; i++) {
            const int fine = n[i] >= 1 && n[i] <= 1e300 && T[i] >= 1 && T[i] <= 1e300;
            invalid += !fine && !isnan(n[i]) && !isnan(T[i]);
            EXPECT(fine ? out[i] > 0 && out[i] <= (1 + 1e-12) / 16 : isnan(out[i]));
            EXPECT(same(out[i], sc_spectral_bound(table, with, n[i], T[i], K)));
        }
        EXPECT(told == invalid);
    }
    EXPECT(sc_spectral_evaluate(table, 1, 0, none, none, none, NULL, 1) == 0);
    EXPECT(sc_spectral_evaluate(table, 1, -1, cn, cT, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_spectral_evaluate(table, 1, COUNT, none, cT, cK, out, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_spectral_evaluate(table, 1, COUNT, cn, cT, cK, n + 1, 1) == SC_ERROR_ARGUMENT);
    EXPECT(sc_spectral_evaluate(table, 32, COUNT, cn, cT, cK, out, 1) == SC_ERROR_ENUM);
    EXPECT(sc_spectral_evaluate(table, -1, COUNT, cn, cT, cK, out, 1) == SC_ERROR_ENUM);
    EXPECT(sc_spectral_evaluate(NULL, 1, COUNT, cn, cT, cK, out, 1) == SC_ERROR_NULL);
    EXPECT(isnan(sc_spectral_bound(NULL, 1, 3, 3, 3))
           && isnan(sc_spectral_bound(table, 99, 3, 3, 3)));
    EXPECT(sc_spectral_evaluate(table, 15, COUNT, cn, cT, cK, n, 1) == invalid);
    EXPECT(!memcmp(n + 5, out + 5, sizeof *n) || isnan(n[5])); /* in place */
    free(n);
}

static void allocated(const sc_spectral_table *table)
{
    enum { COUNT = 12 };
    static const double budget[COUNT] = {-1,  NAN, 0,    9,    60,    1e2,
                                         1e4, 1e9, 1e18, 1e30, 1e299, INFINITY};
    double K = 7, cost = 1, column[6][COUNT];
    int8_t status[COUNT];
    const sc_column C = {budget, 1}, cK = {&K, 0}, c = {&cost, 0}, none = {NULL, 0};
    const sc_frontier_out out = {column[0], column[1], column[2], column[3],
                                 column[4], column[5], status},
                          few = {0};
    for (int with = 0; with <= SC_REFINED_BOUND; with += 5)
        for (int integer = 0; integer < 2; integer++) {
            EXPECT(sc_spectral_compute_optimal(table, with, integer, COUNT, C, cK, c, &out)
                   == SC_OK);
            EXPECT(status[0] == SC_INVALID && status[1] == SC_INVALID && status[11] == SC_INVALID);
            EXPECT(status[2] == SC_INFEASIBLE && status[3] == SC_INFEASIBLE);
            for (int i = 0; i < 4; i++)
                EXPECT(isnan(column[0][i]) && isnan(column[2][i]) && isnan(column[5][i]));
            for (int i = 4; i < COUNT - 1; i++) {
                const double bound = sc_spectral_bound(table, with, column[0][i], column[1][i], K);
                EXPECT(status[i] <= SC_AT_MIN_SAMPLES && bound <= column[2][i] * (1 + 1e-9));
                EXPECT(fabs(column[3][i] + column[4][i] - column[2][i]) <= 1e-12 * column[2][i]);
            }
        }
    EXPECT(sc_spectral_compute_optimal(table, 15, 0, COUNT, C, cK, c, &few) == SC_OK);
    EXPECT(sc_spectral_compute_optimal(table, 15, 0, 0, none, none, none, &few) == SC_OK);
    EXPECT(sc_spectral_compute_optimal(NULL, 15, 0, COUNT, C, cK, c, &out) == SC_ERROR_NULL);
    EXPECT(sc_spectral_compute_optimal(table, 32, 0, COUNT, C, cK, c, &out) == SC_ERROR_ENUM);
    EXPECT(sc_spectral_compute_optimal(table, 15, 0, -1, C, cK, c, &out) == SC_ERROR_ARGUMENT);
    EXPECT(sc_spectral_compute_optimal(table, 15, 0, COUNT, none, cK, c, &out)
           == SC_ERROR_ARGUMENT);
    EXPECT(sc_spectral_compute_optimal(table, 15, 0, COUNT, C, cK, c, NULL) == SC_ERROR_ARGUMENT);
}

void check_tables(void)
{
    rows_of rows;
    sc_spectral_table *table;
    make_rows(&rows);
    EXPECT(build(&rows, 10, ROWS, &table) == SC_OK);
    EXPECT(sc_spectral_table_input_dim(table) == 10);
    EXPECT(sc_spectral_table_most_units(table) == rows.units[ROWS - 1]);
    evaluated(table);
    allocated(table);
    sc_spectral_table_free(table);
    files(&rows);
    loaded(&rows);
    bad_rows(&rows);
}

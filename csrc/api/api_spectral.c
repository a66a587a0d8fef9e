/* The public functions of the spectral bounds. */
#include "api/check.h"
#include "spectral/arrays.h"
#include "spectral/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ALL_STRATEGIES \
    (SC_WITH_ATOMS | SC_WITH_STICKS | SC_WITH_QUADRATIC | SC_WITH_MIXTURE | SC_WITH_POLAR)

/* ---- tables ---------------------------------------------------------------------------------- */

int sc_spectral_table_build(double input_dim, int64_t rows, const double *units,
                            const int64_t *lengths, const double *eigenvalues, const double *copies,
                            const double *residual, const double *delta, sc_spectral_table **table)
{
    if (!units || !lengths || !eigenvalues || !copies || !residual || !delta || !table)
        return SC_ERROR_NULL;
    if (!sc_aligned(units, _Alignof(double)) || !sc_aligned(lengths, _Alignof(int64_t))
        || !sc_aligned(eigenvalues, _Alignof(double)) || !sc_aligned(copies, _Alignof(double))
        || !sc_aligned(residual, _Alignof(double)) || !sc_aligned(delta, _Alignof(double))
        || !sc_aligned(table, _Alignof(void *)))
        return SC_ERROR_ALIGNMENT;
    const sc_table_rows given = {input_dim,   rows,   units,    lengths,
                                 eigenvalues, copies, residual, delta};
    *table = NULL;
    return sc_table_from_rows(sc_engine_in_use(), &given, table);
}

int sc_spectral_table_read(const void *bytes, size_t count, sc_spectral_table **table)
{
    if (!bytes || !table)
        return SC_ERROR_NULL;
    if (!sc_aligned(table, _Alignof(void *)))
        return SC_ERROR_ALIGNMENT;
    *table = NULL;
    return sc_table_from_bytes(sc_engine_in_use(), bytes, count, table);
}

/* All that a file has, in memory to be freed; SC_OK, SC_ERROR_FILE or SC_ERROR_MEMORY. */
static int read_whole(FILE *file, unsigned char **bytes, size_t *count)
{
    size_t room = 1 << 16;
    *count = 0;
    *bytes = malloc(room);
    while (*bytes) {
        *count += fread(*bytes + *count, 1, room - *count, file);
        if (*count < room)
            return ferror(file) ? SC_ERROR_FILE : SC_OK;
        if (room > SIZE_MAX / 2)
            return SC_ERROR_MEMORY;
        room *= 2;
        unsigned char *const larger = realloc(*bytes, room);
        if (!larger)
            return SC_ERROR_MEMORY;
        *bytes = larger;
    }
    return SC_ERROR_MEMORY;
}

int sc_spectral_table_load(const char *path, sc_spectral_table **table)
{
    unsigned char *bytes = NULL;
    size_t count;
    if (!path || !table)
        return SC_ERROR_NULL;
    if (!sc_aligned(table, _Alignof(void *)))
        return SC_ERROR_ALIGNMENT;
    *table = NULL;
    FILE *const file = fopen(path, "rb");
    if (!file)
        return SC_ERROR_FILE;
    int wrong = read_whole(file, &bytes, &count);
    fclose(file);
    if (!wrong)
        wrong = sc_table_from_bytes(sc_engine_in_use(), bytes, count, table);
    free(bytes);
    return wrong;
}

void sc_spectral_table_free(sc_spectral_table *table) { free(table); }

double sc_spectral_table_input_dim(const sc_spectral_table *table)
{
    return table ? table->strategies.d : (double)NAN;
}

double sc_spectral_table_most_units(const sc_spectral_table *table)
{
    return table ? table->strategies.units[table->strategies.rows - 1] : (double)NAN;
}

/* ---- points and budgets ---------------------------------------------------------------------- */

/* The tables of a call, which are one. */
typedef struct one_table {
    sc_table_entry entry;
    sc_tables tables;
} one_table;

static int open_table(const sc_spectral_table *table, int strategies, one_table *one)
{
    if (!table)
        return SC_ERROR_NULL;
    if (strategies < 0 || strategies & ~ALL_STRATEGIES)
        return SC_ERROR_ENUM;
    one->entry = (sc_table_entry){table->strategies.d, &table->strategies};
    one->tables = (sc_tables){&one->entry, 1};
    return SC_OK;
}

ptrdiff_t sc_spectral_evaluate(const sc_spectral_table *table, int strategies, ptrdiff_t count,
                               sc_column n, sc_column T, sc_column K, double *out,
                               ptrdiff_t out_stride)
{
    const sc_column in[3] = {n, T, K};
    one_table one;
    const int wrong = open_table(table, strategies, &one);
    if (wrong)
        return wrong;
    if (count == 0)
        return 0;
    if (!sc_columns_are_fine(in, 3, count, out, out_stride))
        return SC_ERROR_ARGUMENT;
    const double d = table->strategies.d;
    const ptrdiff_t each = (ptrdiff_t)sizeof(double);
    char *const bytes[5] = {(char *)n.data, (char *)T.data, (char *)&d, (char *)K.data,
                            (char *)out};
    const ptrdiff_t steps[5] = {n.stride * each, T.stride * each, 0, K.stride * each,
                                out_stride * each};
    return sc_spectral_array(sc_engine_in_use(), &one.tables, strategies, 0, count, bytes, steps,
                             sizeof(double));
}

double sc_spectral_bound(const sc_spectral_table *table, int strategies, double n, double T,
                         double K)
{
    double bound = (double)NAN;
    sc_spectral_evaluate(table, strategies, 1, (sc_column){&n, 0}, (sc_column){&T, 0},
                         (sc_column){&K, 0}, &bound, 1);
    return bound;
}

int sc_spectral_compute_optimal(const sc_spectral_table *table, int strategies, int integer,
                                ptrdiff_t count, sc_column budget, sc_column concentration,
                                sc_column cost, const sc_frontier_out *out)
{
    one_table one;
    const int wrong = open_table(table, strategies, &one);
    if (wrong)
        return wrong;
    if (count < 0 || !out || !sc_aligned(out, _Alignof(void *)))
        return SC_ERROR_ARGUMENT;
    if (count == 0)
        return SC_OK;
    const sc_column in[4] = {budget, {&table->strategies.d, 0}, concentration, cost};
    if (!sc_results_are_fine(in, count, out))
        return SC_ERROR_ARGUMENT;
    sc_spectral_frontier(sc_engine_in_use(), &one.tables, strategies, integer, count, in, out);
    return SC_OK;
}

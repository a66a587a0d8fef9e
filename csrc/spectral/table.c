/* Tables of strategies: the columns that the kernels read, made from the rows of a table; and files
   of tables. */
#include "spectral/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spectral/atom_columns.h"
#include "spectral/row_sums.h"
#include "spectral/spectrum.h"

#define LN2 0.6931471805599453
/* numbers beyond the end of a column that kernels may read, because they read whole packs */
#define READ_AHEAD 8
#define LEAST_RESIDUAL 1e-300
#define MOST_ROWS 1048576
#define MOST_NUMBERS 1073741824
#define LEAST_EIGENVALUE 1e-100

/* ---- floors ---------------------------------------------------------------------------------- */

/* With more than 2^(octaves - MORE_OCTAVES) samples every coefficient of every row is sent, and
   what a row costs grows as ln T; its floor no longer grows beyond 2^octaves. */
#define MORE_OCTAVES 20

static int octaves_of(const sc_strategies *s)
{
    double least = (double)INFINITY;
    for (ptrdiff_t i = 0; i < s->first[s->rows]; i++)
        least = s->eigenvalue[i] < least ? s->eigenvalue[i] : least;
    return (int)ceil(log2(fmax(4 / least, 1))) + 1 + MORE_OCTAVES;
}

static ptrdiff_t floor_ranges(const sc_strategies *s) { return 4 * (ptrdiff_t)octaves_of(s) + 1; }

/* Chords of what each row costs at least, for ranges of T (see floors in spectral.h). `floors` has
   room for 2 * rows * floor_ranges() numbers, for noise and for the mixture. */
static void lay_floors(const sc_engine *engine, sc_strategies *s, double *const floors[2])
{
    const double safe = 1 - 1e-12; /* rounding must not lift a chord above the cost */
    for (int mixture = 0; mixture < 2; mixture++) {
        const int with = mixture ? SC_WITH_MIXTURE : 0;
        double *const chord = floors[mixture];
        for (ptrdiff_t row = 0; row < s->rows; row++) {
            double cost = engine->spectral_price(s, with, row, sc_range_start(0));
            for (ptrdiff_t k = 0; k < s->ranges; k++) {
                double *const at = chord + 2 * (k * s->rows + row);
                double slope = 0, next = cost;
                if (k + 1 < s->ranges) {
                    next = engine->spectral_price(s, with, row, sc_range_start(k + 1));
                    slope = (next - cost) / (sc_range_start(k + 1) - sc_range_start(k));
                }
                at[0] = (cost - slope * sc_range_start(k)) * safe;
                at[1] = slope * safe;
                cost = next;
            }
        }
        s->floors[mixture] = chord;
    }
}

/* ---- columns --------------------------------------------------------------------------------- */

static int is_share(double x) { return x > 0 && x <= 0.5; }

/* Whether the variances of a row are positive, decrease, and together with its residual make
   1/2. */
static int row_is_fine(const double *eigenvalue, const double *copies, int64_t length,
                       double residual)
{
    double sum = 0;
    for (int64_t i = 0; i < length; i++) {
        if (!(eigenvalue[i] >= LEAST_EIGENVALUE && is_share(eigenvalue[i]))
            || !(copies[i] > 0 && copies[i] <= 1e15) || (i && eigenvalue[i] > eigenvalue[i - 1]))
            return 0;
        sum += eigenvalue[i] * copies[i];
    }
    return residual >= 0 && fabs(0.5 - sum - residual) <= 1e-12;
}

/* The number of eigenvalues of all rows, or -1 if the rows are no table. */
static int64_t numbers_of(const sc_table_rows *rows)
{
    int64_t numbers = 0;
    if (!sc_is_input_dim(rows->input_dim) || rows->rows < 2 || rows->rows > MOST_ROWS)
        return -1;
    for (int64_t r = 0; r < rows->rows; r++) {
        const double units = rows->units[r];
        const int64_t length = rows->lengths[r];
        if (!(r < 2 ? units == (double)r : units > rows->units[r - 1] && units <= 1e15)
            || length < (r > 0) || length > (r ? MOST_NUMBERS - numbers : 0)
            || !(fabs(rows->delta[r]) <= 2))
            return -1;
        numbers += length;
    }
    return numbers;
}

static int rows_are_fine(const sc_table_rows *rows)
{
    int64_t first = 0;
    for (int64_t r = 0; r < rows->rows; r++) {
        if (!row_is_fine(rows->eigenvalues + first, rows->copies + first, rows->lengths[r],
                         rows->residual[r]))
            return 0;
        first += rows->lengths[r];
    }
    return 1;
}

/* The root y > 0 of ratio e^y = 1 + y + 2 ln 2/d: a stick of mean square m pays if ln(m T tau/(4d))
   is at least y. The function is convex: after the first step Newton's iterates only fall. */
static double last_stick(double d, double ratio)
{
    const double level = 1 + 2 * LN2 / d;
    double y = 3 - log(fmax(ratio, LEAST_RESIDUAL));
    if (!(ratio > 0))
        return (double)INFINITY;
    for (int step = 0; step < 100; step++) {
        const double grown = ratio * exp(fmin(y, 700));
        y -= (grown - y - level) / fmax(grown - 1, 0.1);
    }
    return fmax(y, 0);
}

/* The root z of e^z = 1 + z + (d-1)(t + SLANT e^(-t/2)), t = z + what t - z is for the first polar
 * stick as K grows, or 0; and the root's derivative in t - z. `log_ratio`: ln(delta/rho). See
 * last_polar_stick in stick_strategy.h. */
#define SLANT 1.7638757 /* pi e^-(Euler's constant) */

static double last_polar(double d, double log_ratio, double *rise)
{
    const double half = (d - 1) / 2;
    double low = 0, high = 700, turn = 0;
    *rise = 0;
    if (d > 1) /* ln G/(4(d-1)) + 2 ln 2, less ln 2 and twice Euler's constant */
        turn = 1 + LN2 + 1 / half + log1p(-1 / d) - log(8 * half) - 1.8475785103630110 + log_ratio;
    while (high - low > 1e-9) {
        const double z = 0.5 * (low + high), t = z + turn;
        const double turning = d > 1 ? t + SLANT * exp(-0.5 * fmax(t, -1400)) : 0;
        if (exp(z) > 1 + z + (d > 1 ? 2 * half * turning : 2 * LN2))
            high = z;
        else
            low = z;
    }
    if (d > 1) {
        const double steep = 2 * half * (1 - 0.5 * SLANT * exp(-0.5 * fmax(low + turn, -1400)));
        *rise = steep / fmax(exp(low) - 1 - steep, 0.25 * exp(low));
    }
    return low;
}

/* Columns of degree 0, degree 2, and all degrees from 4 on together. */
static void lay_low_degrees(sc_strategies *s)
{
    sc_degree low[2];
    sc_spectrum(s->d, 2, low);
    s->even[0] = 0.25;
    s->even[1] = 1;
    s->copies_2 = s->beyond = s->beyond_orthogonal = 0;
    for (int i = 0; i < 2; i++)
        s->log_low[i] = low[i].log_eigenvalue;
    s->log_low[2] = -log(4 * s->d);
    if (s->d == 1)
        return;
    s->even[0] = exp(low[0].log_eigenvalue);
    s->even[1] = exp(low[1].log_eigenvalue);
    s->copies_2 = exp(low[1].log_multiplicity);
    s->beyond = low[1].tail;
    s->beyond_orthogonal = fmax(0, 0.15915494309189535 - s->even[0] + low[1].mass / (s->d - 1));
}

/* The columns of a table while they are being filled. */
typedef struct columns {
    double *units, *log_units, *residual, *log_residual, *log_rounding, *last_stick, *log_delta,
        *last_polar, *polar_rise;
    double *eigenvalue, *multiplicity, *copies, *logarithms, *rest, *moments;
    ptrdiff_t *first, *atom_row;
} columns;

static void lay_columns(const sc_table_rows *rows, const columns *c, sc_strategies *s)
{
    double last = (double)INFINITY;
    ptrdiff_t first = 0;
    for (ptrdiff_t r = 0; r < s->rows; r++) {
        const ptrdiff_t length = (ptrdiff_t)rows->lengths[r];
        c->first[r] = first;
        const ptrdiff_t sums = first + r;
        sc_lay_row_sums(c->eigenvalue + first, c->multiplicity + first, length,
                        &(sc_row_sums){c->copies + sums, c->logarithms + sums, c->rest + sums,
                                       c->moments + SC_MOMENTS * sums});
        const double residual = rows->residual[r];
        const double rounding = fmax(fmax(residual, rows->delta[r] / 2), LEAST_RESIDUAL);
        c->units[r] = rows->units[r];
        c->log_units[r] = log(fmax(rows->units[r], 0.5));
        c->residual[r] = residual;
        c->log_residual[r] = log(fmax(residual, LEAST_RESIDUAL));
        c->log_rounding[r] = log(rounding);
        c->last_stick[r] = last_stick(s->d, residual / rounding);
        c->log_delta[r] = log(fmax(rows->delta[r], LEAST_RESIDUAL));
        c->last_polar[r] =
            last_polar(s->d, c->log_delta[r] - c->log_residual[r], &c->polar_rise[r]);
        /* atoms beside a row that differs little from the last one would only take time */
        if (residual > 0 && (residual <= 0.8 * last || r == s->rows - 1)) {
            c->atom_row[s->atom_rows++] = r;
            last = residual;
        }
        first += length;
    }
    c->first[s->rows] = first;
}

static double *take(double **room, size_t count)
{
    double *const taken = *room;
    *room += count;
    return taken;
}

static void point_to(const columns *c, sc_strategies *s)
{
    s->units = c->units;
    s->log_units = c->log_units;
    s->residual = c->residual;
    s->log_residual = c->log_residual;
    s->log_rounding = c->log_rounding;
    s->last_stick = c->last_stick;
    s->log_delta = c->log_delta;
    s->last_polar = c->last_polar;
    s->polar_rise = c->polar_rise;
    s->eigenvalue = c->eigenvalue;
    s->multiplicity = c->multiplicity;
    s->copies = c->copies;
    s->logarithms = c->logarithms;
    s->rest = c->rest;
    s->moments = c->moments;
    s->first = c->first;
    s->atom_row = c->atom_row;
}

/* How many doubles the columns need, without the floors. A whole number takes as much room as a
   double. */
static size_t room_for(size_t rows, size_t numbers)
{
    return 11 * rows + 1 + 2 * (numbers + READ_AHEAD) + (3 + SC_MOMENTS) * (numbers + rows);
}

static columns open_columns(double *room, size_t rows, size_t numbers)
{
    columns c;
    c.units = take(&room, rows);
    c.log_units = take(&room, rows);
    c.residual = take(&room, rows);
    c.log_residual = take(&room, rows);
    c.log_rounding = take(&room, rows);
    c.last_stick = take(&room, rows);
    c.log_delta = take(&room, rows);
    c.last_polar = take(&room, rows);
    c.polar_rise = take(&room, rows);
    c.eigenvalue = take(&room, numbers + READ_AHEAD);
    c.multiplicity = take(&room, numbers + READ_AHEAD);
    c.copies = take(&room, numbers + rows);
    c.logarithms = take(&room, numbers + rows);
    c.rest = take(&room, numbers + rows);
    c.moments = take(&room, SC_MOMENTS * (numbers + rows));
    c.first = (ptrdiff_t *)(void *)take(&room, rows + 1);
    c.atom_row = (ptrdiff_t *)(void *)take(&room, rows);
    return c;
}

int sc_table_from_rows(const sc_engine *engine, const sc_table_rows *given,
                       sc_spectral_table **table)
{
    _Static_assert(sizeof(ptrdiff_t) <= sizeof(double), "indices take the place of doubles");
    const int64_t numbers = numbers_of(given);
    if (numbers < 0 || !rows_are_fine(given))
        return SC_ERROR_RANGE;
    const size_t rows = (size_t)given->rows, columns_room = room_for(rows, (size_t)numbers);
    sc_strategies s = {.d = given->input_dim, .rows = (ptrdiff_t)rows};
    /* the number of ranges follows from the eigenvalues, which are still the caller's */
    const ptrdiff_t ends[1] = {(ptrdiff_t)numbers};
    const sc_strategies all = {.rows = 0, .first = ends, .eigenvalue = given->eigenvalues};
    const size_t floors_room = 2 * rows * (size_t)floor_ranges(&all);
    /* as if atoms were tried beside every row */
    const size_t atoms_room = sc_room_for_atom_columns(s.rows, floor_ranges(&all));
    const size_t counts_room = floors_room / 2; /* half of it is used */
    const double all_room = (double)columns_room + 2.5 * (double)floors_room + (double)atoms_room;
    if (8.0 * all_room > (double)(PTRDIFF_MAX / 2))
        return SC_ERROR_MEMORY;
    sc_spectral_table *const made = calloc(
        1, sizeof *made
               + (columns_room + 2 * floors_room + counts_room + atoms_room) * sizeof(double));
    if (!made)
        return SC_ERROR_MEMORY;
    const columns c = open_columns(made->numbers, rows, (size_t)numbers);
    memcpy(c.eigenvalue, given->eigenvalues, (size_t)numbers * sizeof(double));
    memcpy(c.multiplicity, given->copies, (size_t)numbers * sizeof(double));
    lay_columns(given, &c, &s);
    lay_low_degrees(&s);
    point_to(&c, &s);
    double *room = made->numbers + columns_room;
    int32_t *const above = (int32_t *)(void *)take(&room, counts_room);
    s.ranges = floor_ranges(&s);
    sc_lay_counts(&s, above);
    s.above = above;
    double *const floors[2] = {take(&room, floors_room), take(&room, floors_room)};
    lay_floors(engine, &s, floors);
    sc_lay_atom_columns(&s, room);
    made->strategies = s;
    *table = made;
    return SC_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const unsigned char magic[8] = {'S', 'C', 'T', 'A', 'B', 'L', 'E', 1};

static uint64_t word_at(const unsigned char *bytes)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

static double double_at(const unsigned char *bytes)
{
    const uint64_t word = word_at(bytes);
    double x;
    memcpy(&x, &word, sizeof x);
    return x;
}

static uint32_t crc_of(const unsigned char *bytes, size_t count)
{
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] & 1 ? 0xedb88320u ^ table[i] >> 1 : table[i] >> 1;
    }
    for (size_t i = 0; i < count; i++)
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    return ~crc;
}

/* Convert the columns of a file to numbers of this machine. */
static void decode(const unsigned char *bytes, size_t rows, size_t numbers, double *room,
                   int64_t *lengths)
{
    for (size_t i = 0; i < rows; i++) /* units */
        room[i] = double_at(bytes + 8 * i);
    bytes += 8 * rows;
    for (size_t i = 0; i < rows; i++) {
        const uint64_t length = word_at(bytes + 8 * i);
        lengths[i] = length > INT64_MAX ? -1 : (int64_t)length;
    }
    bytes += 8 * rows;
    for (size_t i = 0; i < 2 * numbers + 2 * rows; i++) /* eigenvalues, copies, residual, delta */
        room[rows + i] = double_at(bytes + 8 * i);
}

int sc_table_from_bytes(const sc_engine *engine, const unsigned char *bytes, size_t count,
                        sc_spectral_table **table)
{
    if (count < 48 || count % 8 || memcmp(bytes, magic, sizeof magic))
        return SC_ERROR_FILE;
    const uint64_t rows = word_at(bytes + 16), numbers = word_at(bytes + 24);
    if (rows > MOST_ROWS || numbers > MOST_NUMBERS || count / 8 != 5 + 4 * rows + 2 * numbers
        || word_at(bytes + count - 8) != crc_of(bytes, count - 8))
        return SC_ERROR_FILE;
    const size_t doubles = (size_t)(3 * rows + 2 * numbers);
    double *const room = malloc(doubles * sizeof *room + (size_t)rows * sizeof(int64_t) + 8);
    if (!room)
        return SC_ERROR_MEMORY;
    int64_t *const lengths = (int64_t *)(void *)(room + doubles);
    decode(bytes + 32, (size_t)rows, (size_t)numbers, room, lengths);
    const double *const eigenvalues = room + rows;
    const sc_table_rows given = {double_at(bytes + 8),
                                 (int64_t)rows,
                                 room,
                                 lengths,
                                 eigenvalues,
                                 eigenvalues + numbers,
                                 eigenvalues + 2 * numbers,
                                 eigenvalues + 2 * numbers + rows};
    int wrong = numbers_of(&given) == (int64_t)numbers ? SC_OK : SC_ERROR_FILE;
    if (!wrong)
        wrong = sc_table_from_rows(engine, &given, table);
    free(room);
    return wrong == SC_ERROR_RANGE ? SC_ERROR_FILE : wrong;
}

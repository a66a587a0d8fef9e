/* libFuzzer's target: arguments of every function from the input's bytes, wrong ones included, on
   memory of the exact size. Sizes are kept small so that a call takes microseconds; pointers are
   right, NULL, misaligned or overlapping, but never lead nowhere. */
#include "expect.h"

int failures;

typedef struct source {
    const uint8_t *data;
    size_t left;
} source;

static unsigned byte(source *s)
{
    if (!s->left)
        return 0;
    s->left--;
    return *s->data++;
}

static uint64_t word(source *s)
{
    uint64_t w = 0;
    for (int i = 0; i < 8; i++)
        w = w << 8 | byte(s);
    return w;
}

static double number(source *s)
{
    static const double special[] = {0.0,    1.0,    2.0,  0.5,      10.0, 100.0, 1e6,  1e300,
                                     1e-300, 1e-310, -1.0, INFINITY, NAN,  1e9,   80.0, 64.0};
    const unsigned kind = byte(s);
    double x;
    if (kind < 128)
        return special[kind % 16];
    if (kind < 224)
        return exp(((double)word(s) / 1.8446744073709552e19 - 0.2) * (kind < 192 ? 20.0 : 800.0));
    const uint64_t w = word(s);
    memcpy(&x, &w, sizeof x);
    return x;
}

static int small(source *s, int most) /* mostly in 0 ... most, sometimes anything */
{
    const unsigned kind = byte(s);
    return kind == 255 ? (int)word(s) : kind == 254 ? -1 : (int)(byte(s) % ((unsigned)most + 1));
}

/* A pointer to `bytes`: right, NULL, odd, or another's; all to be freed by the caller through
   `owner`. */
static char *memory(source *s, size_t bytes, char *other, char **owner)
{
    const unsigned kind = byte(s);
    *owner = NULL;
    if (kind == 0)
        return NULL;
    if (kind == 1 && other)
        return other;
    *owner =
        aligned_alloc(SC_ALIGNMENT, (bytes + 2 * SC_ALIGNMENT - 1) / SC_ALIGNMENT * SC_ALIGNMENT);
    if (!*owner)
        abort();
    for (size_t i = 0; i < bytes && i < 512; i++)
        (*owner)[i] = (char)(kind < 16 ? byte(s) : i % 7 == 6 ? 0x3f : i * kind);
    for (size_t i = 512; i < bytes; i++)
        (*owner)[i] = 0;
    return *owner + (kind == 2 ? 1 : 0);
}

static void bounds(source *s)
{
    const int count = small(s, 300),
              strides[5] = {small(s, 2), small(s, 2), small(s, 2), small(s, 2), small(s, 2)};
    const size_t bytes = 8 * (size_t)(count > 0 && count <= 300 ? 2 * count : 1);
    char *owner[5], *first = memory(s, bytes, NULL, &owner[0]);
    double *column[5] = {(double *)(void *)first};
    for (int i = 1; i < 5; i++)
        column[i] = (double *)(void *)memory(s, bytes, first, &owner[i]);
    sc_column in[4];
    int plausible = count <= 300;
    for (int i = 0; i < 4; i++) {
        in[i] = (sc_column){column[i], strides[i]};
        plausible &= strides[i] >= 0 && strides[i] <= 2;
        for (int j = 0; owner[i] && column[i] && j < (int)(bytes / 8) && j < 8; j++) {
            const double x = number(s);
            memcpy((char *)column[i] + 8 * j, &x, (char *)column[i] == owner[i] ? 8 : 7);
        }
    }
    plausible &= strides[4] >= 0 && strides[4] <= 2;
    if (plausible) {
        sc_evaluate((sc_quantity)small(s, 6), count, in[0], in[1], in[2], in[3], column[4],
                    strides[4]);
        const sc_frontier_out out = {
            column[4], byte(s) % 2 ? column[0] : NULL, NULL, NULL, NULL, NULL, NULL};
        sc_compute_optimal((sc_bound)small(s, 2), byte(s) % 2, count, in[0], in[1], in[2], in[3],
                           &out);
    }
    for (int i = 0; i < 5; i++)
        free(owner[i]);
}

static void points(source *s)
{
    const double a = number(s), b = number(s), c = number(s), d = number(s);
    double width, samples, error;
    volatile double sum = sc_error_bound(a, b, c, d) + sc_misspecification_bound(a, b, c, d)
                          + sc_estimation_bound(a, b, c, d);
    sum = sum + sc_optimal_resolution(a, b, c, d) + sc_closed_form_bound(a, b, c, d)
          + sc_occupancy(a, d);
    const double valid = sc_error_bound(a, b, c, d);
    if (!isnan(valid) && !(valid >= 0.0))
        abort(); /* a bound is never negative */
    const int status = sc_optimal_allocation((sc_bound)small(s, 1), byte(s) % 2, a, b, c, d, &width,
                                             &samples, byte(s) ? &error : NULL);
    if (status >= 0 && status <= SC_AT_MIN_SAMPLES && !(width >= 1.0 && samples >= 1.0))
        abort();
    (void)sc_status_string(status);
    (void)sc_compatible((int)word(s));
}

static void streams(source *s)
{
    const int groups = small(s, 3);
    char *owner, *out = memory(s, 8 * 48, NULL, &owner);
    if (groups <= 3)
        sc_random((sc_law)small(s, 4), word(s), word(s), (uint32_t)small(s, 300), word(s), groups,
                  (double *)(void *)out);
    free(owner);
}

static int never(void *state) { return --*(int *)state > 0; }

static void networks(source *s)
{
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    int patience = 60;
    o.key = word(s);
    o.input_dim = small(s, 9);
    o.precision = small(s, 2);
    o.concentration = number(s);
    o.truncation = byte(s) % 2 ? 0.0 : number(s);
    o.keep_going = never; /* a large concentration would take all day */
    o.state = &patience;
    if (byte(s) == 0)
        o.size = word(s);
    const int count = (int)((unsigned)small(s, 2) * 64u),
              d = o.input_dim > 0 && o.input_dim < 10 ? o.input_dim : 1,
              c = count > 0 && count <= 128 ? count : 1;
    if (o.input_dim > 9 || count > 128)
        return;
    const size_t space_bytes[4] = {
        sc_network_samples_space(&o, count), sc_network_experiment_space(&o, 2, c),
        sc_network_logits_space(o.input_dim), sc_network_atoms_space(o.input_dim)};
    char *owner[6], *X = memory(s, 8 * (size_t)(c * d), NULL, &owner[0]),
                    *y = memory(s, 8 * (size_t)c, X, &owner[1]),
                    *p = memory(s, 8 * (size_t)c, X, &owner[2]),
                    *q = memory(s, 8 * (size_t)c, p, &owner[3]), *left = memory(s, 8, p, &owner[4]);
    for (int call = 0; call < 4; call++) {
        /* X has a part in these: never written */
        char *space = memory(s, space_bytes[call], call % 2 ? NULL : X, &owner[5]);
        const size_t said = byte(s) == 3 ? 0 : space_bytes[call];
        double widths[2] = {number(s), 3.0}, out[6], masses[64], weights[64];
        double *directions = malloc(64 * 8 * (size_t)d);
        patience = 60;
        if (call == 0)
            sc_network_samples(&o, word(s), byte(s) % 2, (int64_t)small(s, 1) * 64, count, X, y,
                               (double *)(void *)p, (double *)(void *)q, space, said);
        else if (call == 1)
            sc_network_experiment(&o, word(s), small(s, 2) % 3, widths, c, out, out + 2, out + 4,
                                  space, said);
        else if (call == 2 && c * d >= 4 * d)
            sc_network_logits((sc_precision)o.precision, o.input_dim, small(s, 4) % 5, X, y, c, X,
                              p, space, said);
        else if (call == 3)
            sc_network_atoms(&o, word(s), word(s), number(s), masses, weights, directions,
                             (double *)(void *)left, space, said);
        free(directions);
        free(owner[5]);
    }
    for (int i = 0; i < 5; i++)
        free(owner[i]);
}

static void training(source *s)
{
    sc_training_options o = SC_TRAINING_OPTIONS_INIT;
    int patience = 3;
    o.input_dim = small(s, 6);
    o.precision = small(s, 2);
    o.optimizer = small(s, 2);
    o.examine = byte(s) % 4 == 0;
    o.decay = number(s);
    o.decay_start = number(s);
    o.keep_going = byte(s) % 2 ? never : NULL;
    o.state = &patience;
    if (byte(s) == 0)
        o.size = word(s);
    const int count = small(s, 70), runs_asked = small(s, 3), width = small(s, 40);
    if (o.input_dim > 6 || count > 70 || width > 40)
        return;
    const size_t d = o.input_dim > 0 ? (size_t)o.input_dim : 1, c = count > 0 ? (size_t)count : 1,
                 bytes = sc_train_space(count);
    const size_t each = o.precision == SC_SINGLE ? 4 : 8, state = sc_run_state_size(&o, width);
    sc_run runs[3];
    char *owner[8], *X = memory(s, 8 * c * d, NULL, &owner[0]),
                    *y = memory(s, each * c, X, &owner[1]), *p = memory(s, 8 * c, X, &owner[2]),
                    *q = memory(s, 8 * c, X, &owner[3]), *space = memory(s, bytes, X, &owner[4]);
    for (int r = 0; r < 3; r++) {
        runs[r] = (sc_run){.size = sizeof *runs, .width = width, .learning_rate = number(s)};
        runs[r].state = memory(s, state, r ? runs[0].state : NULL, &owner[5 + r]);
        char *weights = calloc(3 * (d + 1) * (size_t)(width > 0 ? width : 1), 8);
        sc_run_begin(&o, &runs[r], byte(s) == 3 ? 0 : state, byte(s) ? weights : NULL);
        sc_run_weights(&o, &runs[r], state, weights);
        free(weights);
        if (byte(s) == 3)
            runs[r].read = small(s, 70);
        if (byte(s) == 3)
            runs[r].size = word(s);
    }
    if (runs_asked <= 3)
        for (int i = 0; i < 2; i++, patience = 1000)
            sc_train(&o, byte(s) ? runs : NULL, runs_asked, byte(s) == 3 ? small(s, 100) : 0, count,
                     X, y, (double *)(void *)p, (double *)(void *)q, space,
                     byte(s) == 3 ? 0 : bytes);
    for (int i = 0; i < 8; i++)
        free(owner[i]);
}

/* Tables from bytes as they come, and from rows: no bytes have a checksum that fits by chance. */
static void tables(source *s)
{
    double units[5], eigenvalues[8], copies[8], residual[5], delta[5];
    int64_t lengths[5];
    sc_spectral_table *table;
    char *owner, *bytes = memory(s, 8 * 20, NULL, &owner);
    const size_t count = byte(s) % 2 ? 160 : byte(s) % 161;
    if (!sc_spectral_table_read(bytes, count, byte(s) ? &table : NULL))
        sc_spectral_table_free(table);
    for (int i = 0; i < 5; i++) {
        units[i] = byte(s) % 8 ? i : number(s);
        lengths[i] = byte(s) % 8 ? (i ? 2 : 0) : small(s, 2);
        delta[i] = byte(s) % 8 ? 0.5 : number(s);
    }
    for (int i = 0; i < 8; i++) {
        eigenvalues[i] = byte(s) % 8 ? 0.1 / (1 + i % 2) : number(s);
        copies[i] = byte(s) % 8 ? 1 : number(s);
    }
    for (int i = 0, at = 0; i < 5; i++) {
        residual[i] = 0.5;
        for (int64_t j = 0; j < lengths[i] && at < 8; j++, at++)
            residual[i] -= eigenvalues[at] * copies[at];
        residual[i] = byte(s) % 8 ? fmax(residual[i], 0) : number(s);
    }
    int64_t all = 0; /* what is there: lengths that claim more are the caller's fault */
    for (int i = 0; i < 5; i++)
        all = lengths[i] < 0 || lengths[i] > 8 ? 9 : all + lengths[i];
    if (all <= 8
        && !sc_spectral_table_build(byte(s) % 4 ? 10 : number(s), 1 + byte(s) % 5, units, lengths,
                                    eigenvalues, copies, residual, delta, &table)) {
        const double bound =
            sc_spectral_bound(table, small(s, 15), number(s), number(s), number(s));
        if (!isnan(bound) && !(bound >= 0.0))
            abort();
        sc_spectral_table_free(table);
    }
    free(owner);
}

/* A small table of runs, its fit and its resamples, and losses at its points. */
static void laws(source *s)
{
    enum { RUNS = 9, DRAWS = 2 };
    double column[4][RUNS], values[SC_LAW_MOST_VALUES], draws[DRAWS * SC_LAW_MOST_VALUES],
        loss[RUNS], gradient[RUNS * SC_LAW_MOST_VALUES];
    int64_t cluster[RUNS];
    sc_law_options o = SC_LAW_OPTIONS_INIT;
    sc_law_result result = SC_LAW_RESULT_INIT;
    for (int i = 0; i < RUNS; i++) {
        cluster[i] = (int64_t)(byte(s) % 4 ? byte(s) % 4 : word(s));
        for (int k = 0; k < 4; k++)
            column[k][i] = byte(s) % 16 ? 1 + 0.1 * byte(s) : number(s);
    }
    for (int i = 0; i < SC_LAW_MOST_VALUES; i++)
        values[i] = byte(s) % 8 ? 0.01 * (1 + byte(s)) : number(s);
    o.form = small(s, SC_LAW_FORM_COUNT);
    o.loss = small(s, 4);
    o.delta = byte(s) % 4 ? 0 : number(s);
    o.runs = byte(s) % 8 ? RUNS : byte(s) % (RUNS + 1);
    sc_column *const columns[4] = {&o.N, &o.D, &o.L, &o.weight};
    for (int k = 0; k < 4; k++)
        columns[k]->data = byte(s) % 16 ? column[k] : NULL;
    o.cluster = byte(s) % 2 ? cluster : NULL;
    o.starts = byte(s) % 4 ? NULL : values;
    o.start_count = o.starts ? 1 : 0;
    int patience = 500;
    o.keep_going = patience_of;
    o.state = &patience;
    const size_t bytes = sc_law_space(&o);
    char *owner, *space = memory(s, bytes, (char *)column[0], &owner);
    if (!sc_law_fit(&o, &result, space, space == owner ? bytes : 0)) {
        result.status = byte(s) % 2 ? SC_LAW_CONVERGED : result.status;
        sc_law_resample(&o, &result, (sc_law_draws)small(s, 4), word(s), byte(s) % 4, DRAWS, draws,
                        space, bytes);
    }
    sc_law_evaluate((sc_law_form)o.form, values, RUNS, o.N, o.D, loss,
                    byte(s) % 2 ? gradient : NULL);
    free(owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source s = {data, size};
    switch (byte(&s) % 7) {
    case 0: bounds(&s); break;
    case 1: points(&s); break;
    case 2: streams(&s); break;
    case 3: networks(&s); break;
    case 4: tables(&s); break;
    case 5: laws(&s); break;
    default: training(&s);
    }
    return 0;
}

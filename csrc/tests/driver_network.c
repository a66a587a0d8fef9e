/* The driver's share of the infinite-width network. */
#include "expect.h"

enum { D = 3, COUNT = 128 };

static sc_network_options options_of(int precision)
{
    sc_network_options o = SC_NETWORK_OPTIONS_INIT;
    o.key = 7;
    o.input_dim = D;
    o.precision = precision;
    o.concentration = 5.0;
    return o;
}

/* Bad options for any function: the status of each, found before anything else. */
static void bad_options(int (*call)(const sc_network_options *))
{
    sc_network_options o = options_of(0), old = o;
    char *odd = malloc(sizeof o + 1), *shorter = malloc(offsetof(sc_network_options, truncation));
    EXPECT(call(&o) == SC_OK && call(NULL) == SC_ERROR_NULL);
    memcpy(odd + 1, &o, sizeof o);
    EXPECT(call((sc_network_options *)(void *)(odd + 1)) == SC_ERROR_ALIGNMENT);
    /* as from a version that had no truncation: nothing behind it is read */
    old.size = offsetof(sc_network_options, truncation);
    memcpy(shorter, &old, old.size);
    EXPECT(call((sc_network_options *)(void *)shorter) == SC_OK);
    o.size = sizeof o + 8;
    EXPECT(call(&o) == SC_ERROR_SIZE);
    o.size = 0;
    EXPECT(call(&o) == SC_ERROR_SIZE);
    o.keep_going = patience_of; /* cut off in its middle, or from its state: never called */
    o.size = offsetof(sc_network_options, keep_going) + 1;
    EXPECT(call(&o) == SC_ERROR_SIZE);
    o.size = offsetof(sc_network_options, state);
    EXPECT(call(&o) == SC_OK);
    o = options_of(2);
    EXPECT(call(&o) == SC_ERROR_ENUM);
    const double concentrations[] = {0.0, -1.0, 1e10, INFINITY, NAN},
                 truncations[] = {-1.0, 1.0, 1e-16, NAN};
    for (int i = 0; i < 5; i++) {
        o = options_of(0);
        o.concentration = concentrations[i];
        EXPECT(call(&o) == SC_ERROR_RANGE);
    }
    for (int i = 0; i < 4; i++) {
        o = options_of(0);
        o.truncation = truncations[i];
        EXPECT(call(&o) == SC_ERROR_RANGE);
    }
    o = options_of(0);
    o.input_dim = 0;
    EXPECT(call(&o) == SC_ERROR_RANGE);
    o.input_dim = SC_MOST_INPUT_DIM + 1;
    EXPECT(call(&o) == SC_ERROR_RANGE);
    free(odd);
    free(shorter);
}

static double *masses, *weights, *directions, left_after;

static int call_atoms(const sc_network_options *o)
{
    const size_t bytes = sc_network_atoms_space(D);
    void *space = lines(bytes);
    const int status =
        sc_network_atoms(o, 0, 0, 1.0, masses, weights, directions, &left_after, space, bytes);
    free(space);
    return status;
}

static void atoms(void)
{
    const sc_network_options o = options_of(0);
    const size_t bytes = sc_network_atoms_space(D);
    char *space = lines(bytes + 64);
    EXPECT(sc_network_atoms_space(0) == 0 && sc_network_atoms_space(SC_MOST_INPUT_DIM + 1) == 0);
    bad_options(call_atoms);
    double total = left_after;
    for (int a = 0; a < SC_ATOMS; a++) {
        total += masses[a];
        EXPECT(fabs(fabs(weights[a]) / masses[a] / sqrt(6.0) - 1.0) < 1e-15);
        EXPECT(fabs(hypot(hypot(directions[3 * a], directions[3 * a + 1]), directions[3 * a + 2])
                    - 1.0)
               < 1e-15);
    }
    EXPECT(fabs(total - 1.0) < 1e-14);
    EXPECT(sc_network_atoms(&o, 0, 0, 1.5, masses, weights, directions, &left_after, space, bytes)
           == SC_ERROR_RANGE);
    EXPECT(sc_network_atoms(&o, 0, 0, NAN, masses, weights, directions, &left_after, space, bytes)
           == SC_ERROR_RANGE);
    EXPECT(sc_network_atoms(&o, 0, 0, 1.0, NULL, weights, directions, &left_after, space, bytes)
           == SC_ERROR_NULL);
    EXPECT(sc_network_atoms(&o, 0, 0, 1.0, masses, weights, directions, NULL, space, bytes)
           == SC_ERROR_NULL);
    EXPECT(
        sc_network_atoms(&o, 0, 0, 1.0, masses, masses + 1, directions, &left_after, space, bytes)
        == SC_ERROR_OVERLAP);
    EXPECT(
        sc_network_atoms(&o, 0, 0, 1.0, masses, weights, directions, &left_after, space + 8, bytes)
        == SC_ERROR_ALIGNMENT);
    EXPECT(
        sc_network_atoms(&o, 0, 0, 1.0, masses, weights, directions, &left_after, space, bytes - 1)
        == SC_ERROR_SPACE);
    free(space);
}

static void logits(void)
{
    const size_t bytes = sc_network_logits_space(D);
    char *space = lines(bytes + 64);
    double *X = malloc(33 * D * sizeof *X), *out = malloc(33 * sizeof *out);
    float *Xf = malloc(33 * D * sizeof *Xf), *outf = malloc(33 * sizeof *outf),
          *wf = malloc(SC_ATOMS * sizeof *wf), *df = malloc(SC_ATOMS * D * sizeof *df);
    for (int i = 0; i < 33 * D; i++)
        Xf[i] = (float)(X[i] = sin(i));
    for (int i = 0; i < SC_ATOMS * D; i++)
        df[i] = (float)directions[i];
    for (int i = 0; i < SC_ATOMS; i++)
        wf[i] = (float)weights[i];
    EXPECT(sc_network_logits(SC_DOUBLE, D, SC_ATOMS, directions, weights, 33, X, out, space, bytes)
           == SC_OK);
    EXPECT(sc_network_logits(SC_SINGLE, D, SC_ATOMS, df, wf, 33, Xf, outf, space, bytes) == SC_OK);
    for (int i = 0; i < 33; i++) {
        double want = 0.0;
        for (int a = 0; a < SC_ATOMS; a++)
            want += weights[a]
                    * fmax(0.0, directions[3 * a] * X[3 * i] + directions[3 * a + 1] * X[3 * i + 1]
                                    + directions[3 * a + 2] * X[3 * i + 2]);
        EXPECT(fabs(out[i] - want) < 1e-13 && fabs(outf[i] - want) < 1e-5);
    }
    EXPECT(sc_network_logits(SC_DOUBLE, D, 0, NULL, NULL, 33, X, out, space, bytes) == SC_OK
           && out[32] == 0.0);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 0, NULL, NULL, 0, NULL, NULL, NULL, 0) == SC_OK);
    EXPECT(sc_network_logits_space(0) == 0 && sc_network_logits_space(SC_MOST_INPUT_DIM + 1) == 0);
    EXPECT(sc_network_logits((sc_precision)2, D, 1, directions, weights, 1, X, out, space, bytes)
           == SC_ERROR_ENUM);
    EXPECT(sc_network_logits(SC_DOUBLE, 0, 1, directions, weights, 1, X, out, space, bytes)
           == SC_ERROR_RANGE);
    EXPECT(sc_network_logits(SC_DOUBLE, D, -1, directions, weights, 1, X, out, space, bytes)
           == SC_ERROR_RANGE);
    EXPECT(
        sc_network_logits(SC_DOUBLE, D, 1, directions, weights, PTRDIFF_MAX, X, out, space, bytes)
        == SC_ERROR_RANGE);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 1, NULL, weights, 1, X, out, space, bytes)
           == SC_ERROR_NULL);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 1, directions, weights, 1, X, NULL, space, bytes)
           == SC_ERROR_NULL);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 1, directions, weights, 1, X, out, NULL, bytes)
           == SC_ERROR_NULL);
    EXPECT(
        sc_network_logits(SC_DOUBLE, D, 1, directions, weights, 1, X, (char *)out + 4, space, bytes)
        == SC_ERROR_ALIGNMENT);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 1, directions, weights, 2, X, X + 1, space, bytes)
           == SC_ERROR_OVERLAP);
    EXPECT(sc_network_logits(SC_DOUBLE, D, 1, directions, weights, 1, X, out, space, bytes - 1)
           == SC_ERROR_SPACE);
    free(space);
    free(X);
    free(out);
    free(Xf);
    free(outf);
    free(wf);
    free(df);
}

static int call_experiment(const sc_network_options *o)
{
    const double widths[2] = {3.0, 20.0};
    double kl[2], squared[2], occupancy[2];
    const size_t bytes = sc_network_experiment_space(o, 2, 40);
    void *space = lines(bytes);
    const int status =
        sc_network_experiment(o, 1, 2, widths, 40, kl, squared, occupancy, space, bytes);
    if (!status)
        EXPECT(kl[0] > kl[1] && kl[1] > 0.0 && squared[0] > squared[1] && occupancy[0] <= 3.0
               && occupancy[1] > occupancy[0]);
    free(space);
    return status;
}

static void experiments(void)
{
    sc_network_options o = options_of(0);
    double widths[2] = {3.0, 20.0}, out[6];
    int calls = 0;
    const size_t bytes = sc_network_experiment_space(&o, 2, 40);
    char *space = lines(bytes + 64);
    bad_options(call_experiment);
    for (int precision = 0; precision < 2; precision++) {
        o = options_of(precision);
        EXPECT(call_experiment(&o) == SC_OK);
    }
    o = options_of(0);
    EXPECT(sc_network_experiment_space(&o, 0, 40) == 0
           && sc_network_experiment_space(&o, SC_MOST_WIDTHS + 1, 40) == 0);
    EXPECT(sc_network_experiment_space(&o, 2, 0) == 0
           && sc_network_experiment_space(NULL, 2, 40) == 0);
    EXPECT(sc_network_experiment(&o, 1, 0, widths, 40, out, out + 2, out + 4, space, bytes)
           == SC_ERROR_RANGE);
    EXPECT(sc_network_experiment(&o, 1, 2, widths, 40, out, out + 1, out + 4, space, bytes)
           == SC_ERROR_OVERLAP);
    EXPECT(sc_network_experiment(&o, 1, 2, NULL, 40, out, out + 2, out + 4, space, bytes)
           == SC_ERROR_NULL);
    EXPECT(sc_network_experiment(&o, 1, 2, widths, 40, out, out + 2, out + 4, space, bytes - 64)
           == SC_ERROR_SPACE);
    EXPECT(sc_network_experiment(&o, 1, 2, widths, 40, out, out + 2, out + 4, space + 1, bytes)
           == SC_ERROR_ALIGNMENT);
    const double wrong[] = {0.0, 1.5, -3.0, 1e17, NAN};
    for (int i = 0; i < 5; i++) {
        widths[1] = wrong[i];
        EXPECT(sc_network_experiment(&o, 1, 2, widths, 40, out, out + 2, out + 4, space, bytes)
               == SC_ERROR_RANGE);
    }
    widths[1] = 20.0;
    o.keep_going = patience_of;
    o.state = &calls;
    EXPECT(sc_network_experiment(&o, 1, 2, widths, 40, out, out + 2, out + 4, space, bytes)
           == SC_STOPPED);
    free(space);
}

static int call_samples(const sc_network_options *o)
{
    double *X = malloc(COUNT * D * 8), *y = malloc(COUNT * 8), *p = malloc(COUNT * 8),
           *q = malloc(COUNT * 8);
    const size_t bytes = sc_network_samples_space(o, COUNT);
    void *space = lines(bytes);
    const int status = sc_network_samples(o, 1, 0, 64, COUNT, X, y, p, q, space, bytes);
    for (int i = 0; !status && o->precision == 0 && i < COUNT; i++)
        EXPECT((y[i] == 0.0 || y[i] == 1.0) && p[i] > 0.0 && p[i] < 1.0 && isfinite(q[i]));
    free(X);
    free(y);
    free(p);
    free(q);
    free(space);
    return status;
}

static void samples(void)
{
    sc_network_options o = options_of(0);
    static double X[COUNT * D], y[COUNT], p[COUNT], q[COUNT], X2[64 * D], y2[64], p2[64], q2[64];
    const size_t bytes = sc_network_samples_space(&o, COUNT);
    char *space = lines(bytes + 64);
    int calls = 0;
    bad_options(call_samples);
    EXPECT(sc_network_samples(&o, 1, 0, 0, COUNT, X, y, p, q, space, bytes) == SC_OK);
    /* cuts change no bit */
    EXPECT(sc_network_samples(&o, 1, 0, 64, 64, X2, y2, p2, q2, space, bytes) == SC_OK);
    EXPECT(!memcmp(X + 64 * D, X2, sizeof X2) && !memcmp(y + 64, y2, sizeof y2)
           && !memcmp(p + 64, p2, sizeof p2));
    EXPECT(sc_network_samples(&o, 1, 1, 64, 64, X2, y2, p2, q2, space, bytes) == SC_OK
           && memcmp(X + 64 * D, X2, sizeof X2));
    EXPECT(sc_network_samples_space(&o, 63) == 0 && sc_network_samples_space(&o, -64) == 0
           && sc_network_samples_space(NULL, 64) == 0);
    EXPECT(sc_network_samples(&o, 1, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, bytes) == SC_OK);
    EXPECT(sc_network_samples(&o, 1, 0, 1, 64, X, y, p, q, space, bytes) == SC_ERROR_RANGE);
    EXPECT(sc_network_samples(&o, 1, 0, -64, 64, X, y, p, q, space, bytes) == SC_ERROR_RANGE);
    EXPECT(sc_network_samples(&o, 1, 0, 0, 65, X, y, p, q, space, bytes) == SC_ERROR_RANGE);
    EXPECT(sc_network_samples(&o, 1, 0, 0, 64, NULL, y, p, q, space, bytes) == SC_ERROR_NULL);
    EXPECT(sc_network_samples(&o, 1, 0, 0, 64, X, y, p, p + 1, space, bytes) == SC_ERROR_OVERLAP);
    EXPECT(sc_network_samples(&o, 1, 0, 0, 64, X, y, p, q, space + 4, bytes) == SC_ERROR_ALIGNMENT);
    EXPECT(sc_network_samples(&o, 1, 0, 0, COUNT, X, y, p, q, space, bytes - 64) == SC_ERROR_SPACE);
    o.keep_going = patience_of;
    o.state = &calls;
    EXPECT(sc_network_samples(&o, 1, 0, 0, 64, X, y, p, q, space, bytes) == SC_STOPPED);
    free(space);
}

void check_networks(void)
{
    masses = malloc(SC_ATOMS * sizeof *masses);
    weights = malloc(SC_ATOMS * sizeof *weights);
    directions = malloc(SC_ATOMS * D * sizeof *directions);
    atoms();
    logits();
    experiments();
    samples();
    free(masses);
    free(weights);
    free(directions);
}

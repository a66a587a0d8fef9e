/* The public functions on the infinite-width network: check arguments, then one call of the
   engine. */
#include "api/check.h"

#include <math.h>

/* Check the caller's options and translate them for the engine; SC_OK or what is wrong with
   them. */
static int experiment_of(const sc_network_options *options, sc_experiment *e,
                         sc_network_options *mine)
{
    memset(mine, 0, sizeof *mine);
    const int wrong =
        sc_copy_options(mine, sizeof *mine, offsetof(sc_network_options, truncation), options);
    if (wrong)
        return wrong;
    if (mine->size < offsetof(sc_network_options, state) + sizeof mine->state)
        /* an older caller's struct may end before `state`, which keep_going needs */
        mine->keep_going = NULL;
    if (!sc_is_precision(mine->precision))
        return SC_ERROR_ENUM;
    const double truncation = mine->truncation == 0.0 ? 1e-8 : mine->truncation;
    if (mine->input_dim < 1 || mine->input_dim > SC_MOST_INPUT_DIM || !(mine->concentration > 0.0)
        || !(mine->concentration <= SC_MOST_CONCENTRATION)
        || !(truncation >= 1e-15 && truncation < 1.0))
        return SC_ERROR_RANGE;
    memset(e, 0, sizeof *e);
    e->key = mine->key;
    e->input_dim = mine->input_dim;
    e->concentration = mine->concentration;
    e->truncation = truncation;
    return SC_OK;
}

size_t sc_network_atoms_space(int input_dim)
{
    return input_dim < 1 || input_dim > SC_MOST_INPUT_DIM
               ? 0
               : SC_ATOMS * (size_t)input_dim * sizeof(double);
}

int sc_network_atoms(const sc_network_options *options, uint64_t network, uint64_t chunk,
                     double left, double *masses, double *weights, double *directions,
                     double *left_after, void *space, size_t space_bytes)
{
    sc_network_options mine;
    sc_experiment e;
    int wrong = experiment_of(options, &e, &mine);
    if (wrong)
        return wrong;
    if (!(left >= 0.0 && left <= 1.0))
        return SC_ERROR_RANGE;
    const size_t d = (size_t)e.input_dim, each = sizeof(double), align = _Alignof(double);
    const sc_array arrays[] = {{masses, SC_ATOMS * each, align, 1},
                               {weights, SC_ATOMS * each, align, 1},
                               {directions, SC_ATOMS * d * each, align, 1},
                               {left_after, each, align, 1},
                               {space, sc_network_atoms_space(e.input_dim), SC_ALIGNMENT, 1}};
    wrong = sc_check_arrays(arrays, 5);
    if (wrong)
        return wrong;
    if (space_bytes < sc_network_atoms_space(e.input_dim))
        return SC_ERROR_SPACE;
    double *const raw = space;
    const double gain = sqrt(e.concentration + 1.0);
    *left_after = sc_engine_in_use()->atoms(&e, network, chunk, left, masses, weights, raw);
    for (size_t a = 0; a < SC_ATOMS; a++) { /* weights now hold sign sqrt(K+1)/|direction| */
        double square = 0.0;
        for (size_t k = 0; k < d; k++)
            square += raw[(a / 4 * d + k) * 4 + a % 4] * raw[(a / 4 * d + k) * 4 + a % 4];
        const double norm = sqrt(square);
        for (size_t k = 0; k < d; k++)
            directions[a * d + k] = raw[(a / 4 * d + k) * 4 + a % 4] / norm;
        weights[a] = (weights[a] < 0.0 ? -masses[a] : masses[a]) * gain;
    }
    return SC_OK;
}

size_t sc_network_logits_space(int input_dim)
{
    return input_dim < 1 || input_dim > SC_MOST_INPUT_DIM
               ? 0
               : SC_LINES(sc_engine_in_use()->logits_space(input_dim));
}

int sc_network_logits(sc_precision precision, int input_dim, ptrdiff_t atoms,
                      const void *directions, const void *weights, ptrdiff_t count,
                      const void *inputs, void *out, void *space, size_t space_bytes)
{
    if (!sc_is_precision((int)precision))
        return SC_ERROR_ENUM;
    const size_t each = sc_number_size((int)precision), needed = sc_network_logits_space(input_dim);
    if (!needed || atoms < 0 || count < 0 || atoms > SC_MOST_COUNT / 8 / input_dim
        || count > SC_MOST_COUNT / 8 / input_dim)
        return SC_ERROR_RANGE;
    if (count == 0)
        return SC_OK;
    const size_t m = (size_t)atoms, rows = (size_t)count, d = (size_t)input_dim;
    const sc_array arrays[] = {{directions, m * d * each, each, 0},
                               {weights, m * each, each, 0},
                               {inputs, rows * d * each, each, 0},
                               {out, rows * each, each, 1},
                               {space, needed, SC_ALIGNMENT, 1}};
    const int wrong = sc_check_arrays(arrays, 5);
    if (wrong)
        return wrong;
    if (space_bytes < needed)
        return SC_ERROR_SPACE;
    if (precision == SC_SINGLE)
        sc_engine_in_use()->logits32(directions, weights, atoms, 0, input_dim, inputs, count, out,
                                     space);
    else
        sc_engine_in_use()->logits64(directions, weights, atoms, 0, input_dim, inputs, count, out,
                                     space);
    return SC_OK;
}

size_t sc_network_experiment_space(const sc_network_options *options, int width_count, int inputs)
{
    sc_network_options mine;
    sc_experiment e;
    if (experiment_of(options, &e, &mine) || width_count < 1 || width_count > SC_MOST_WIDTHS
        || inputs < 1 || inputs > SC_MOST_BLOCK)
        return 0;
    e.inputs = inputs;
    e.width_count = width_count;
    return SC_LINES(sc_engine_in_use()->experiment_space(&e, mine.precision == SC_SINGLE));
}

int sc_network_experiment(const sc_network_options *options, uint64_t network, int width_count,
                          const double *widths, int inputs, double *kl, double *squared,
                          double *occupancy, void *space, size_t space_bytes)
{
    sc_network_options mine;
    sc_experiment e;
    int wrong = experiment_of(options, &e, &mine);
    if (wrong)
        return wrong;
    const size_t needed = sc_network_experiment_space(options, width_count, inputs);
    const size_t each = sizeof(double), align = _Alignof(double);
    if (!needed)
        return SC_ERROR_RANGE;
    const size_t column = (size_t)width_count * each;
    const sc_array arrays[] = {{widths, column, align, 0},
                               {kl, column, align, 1},
                               {squared, column, align, 1},
                               {occupancy, column, align, 1},
                               {space, needed, SC_ALIGNMENT, 1}};
    wrong = sc_check_arrays(arrays, 5);
    if (wrong)
        return wrong;
    for (int i = 0; i < width_count; i++)
        if (!(widths[i] >= 1.0 && widths[i] <= 0x1p53 && widths[i] == floor(widths[i])))
            return SC_ERROR_RANGE;
    if (space_bytes < needed)
        return SC_ERROR_SPACE;
    sc_asked a = {mine.keep_going, mine.state, 0};
    e.inputs = inputs;
    e.width_count = width_count;
    e.widths = widths;
    sc_engine_in_use()->experiment(&e, mine.precision == SC_SINGLE, network, space, sc_ask, &a, kl,
                                   squared, occupancy);
    return a.stopped ? SC_STOPPED : SC_OK;
}

size_t sc_network_samples_space(const sc_network_options *options, int count)
{
    sc_network_options mine;
    sc_experiment e;
    if (experiment_of(options, &e, &mine) || count < 0 || count > SC_MOST_BLOCK
        || count % SC_SAMPLES)
        return 0;
    return SC_LINES(sc_engine_in_use()->samples_space(e.input_dim, count));
}

int sc_network_samples(const sc_network_options *options, uint64_t network, int fresh,
                       int64_t first, int count, void *inputs, void *labels, double *probability,
                       double *offset, void *space, size_t space_bytes)
{
    sc_network_options mine;
    sc_experiment e;
    int wrong = experiment_of(options, &e, &mine);
    if (wrong)
        return wrong;
    const size_t needed = sc_network_samples_space(options, count),
                 each = sc_number_size(mine.precision);
    if (!needed || first < 0 || first % SC_SAMPLES || first > (INT64_MAX >> 24))
        return SC_ERROR_RANGE;
    if (count == 0)
        return SC_OK;
    const size_t rows = (size_t)count;
    const sc_array arrays[] = {{inputs, rows * (size_t)e.input_dim * each, each, 1},
                               {labels, rows * each, each, 1},
                               {probability, rows * sizeof(double), _Alignof(double), 1},
                               {offset, rows * sizeof(double), _Alignof(double), 1},
                               {space, needed, SC_ALIGNMENT, 1}};
    wrong = sc_check_arrays(arrays, 5);
    if (wrong)
        return wrong;
    if (space_bytes < needed)
        return SC_ERROR_SPACE;
    sc_asked a = {mine.keep_going, mine.state, 0};
    e.inputs = count;
    const int done = sc_engine_in_use()->samples(&e, mine.precision == SC_SINGLE, network,
                                                 fresh != 0, (uint64_t)first, space, sc_ask, &a,
                                                 inputs, labels, probability, offset);
    return done ? SC_OK : SC_STOPPED;
}

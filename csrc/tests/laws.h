/* A table of runs that follow each form of law, for the files of the driver that fit them. */
#ifndef SC_LAWS_H
#define SC_LAWS_H

#include "expect.h"

enum { RUNS = 36, MOST = SC_LAW_MOST_VALUES, DRAWS = 7 };

static const double law_values[SC_LAW_FORM_COUNT][MOST] = {
    {1.8, 480, 0.35, 2100, 0.37}, {1.8, 480, 900, 0.35},        {1.8, 30, 0.3, 90, 0.32, 0.8},
    {0, 3e13, 0.08, 5e13, 0.1},   {0.5, 3e13, 0.08, 5e13, 0.1}, {1.7, 200, 0.12},
};

static inline double formula(int form, const double *v, double N, double D)
{
    switch (form) {
    case SC_LAW_ADDITIVE: return v[0] + v[1] * pow(N, -v[2]) + v[3] * pow(D, -v[4]);
    case SC_LAW_TIED: return v[0] + v[1] * pow(N, -v[3]) + v[2] * pow(D, -v[3]);
    case SC_LAW_COUPLED: return v[0] + pow(v[1] * pow(N, -v[2]) + v[3] * pow(D, -v[4]), v[5]);
    case SC_LAW_COMPUTE: return v[0] + v[1] * pow(N, -v[2]);
    default: return v[0] + pow(pow(v[1] / N, v[2] / v[4]) + v[3] / D, v[4]);
    }
}

typedef struct table { /* rows of three numbers, as a program may have them */
    double row[RUNS][3];
    int64_t cluster[RUNS];
    sc_law_options options;
    size_t bytes;
    void *space;
} table;

static inline void make_table(table *t, int form)
{
    for (int i = 0; i < RUNS; i++) {
        double *const row = t->row[i];
        row[0] = 1e8 * pow(3, i % 6);
        row[1] = 2e9 * pow(4, i / 6);
        row[2] = formula(form, law_values[form], row[0], row[1]) * (1 + 0.0005 * sin(7 * i));
        t->cluster[i] = 100 - i / 2;
    }
    t->options = (sc_law_options)SC_LAW_OPTIONS_INIT;
    t->options.form = form;
    t->options.runs = RUNS;
    t->options.N = (sc_column){t->row[0], 3};
    t->options.D = (sc_column){form == SC_LAW_COMPUTE ? NULL : t->row[0] + 1, 3};
    t->options.L = (sc_column){t->row[0] + 2, 3};
    t->options.weight.data = NULL;
    t->bytes = sc_law_space(&t->options);
    t->space = lines(t->bytes);
    EXPECT(t->bytes % SC_ALIGNMENT == 0 && t->bytes > 0);
}

static inline int fit(table *t, sc_law_result *result)
{
    *result = (sc_law_result)SC_LAW_RESULT_INIT;
    return sc_law_fit(&t->options, result, t->space, t->bytes);
}

#endif

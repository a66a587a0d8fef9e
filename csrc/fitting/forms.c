#include "fitting/forms.h"

#include <math.h>

#define TERM_LOW SC_LOWEST_TERM
#define TERM_HIGH SC_HIGHEST_TERM
#define COUPLING_LOW SC_LEAST_COUPLING
#define COUPLING_HIGH SC_MOST_COUPLING

static const sc_form_row rows[SC_LAW_FORM_COUNT] = {
    [SC_LAW_ADDITIVE] = {SC_FORM_ADDITIVE,
                         5,
                         0,
                         {0, TERM_LOW, 0, TERM_LOW, 0},
                         {SC_MOST_OFFSET, TERM_HIGH, SC_STEEPEST, TERM_HIGH, SC_STEEPEST}},
    [SC_LAW_TIED] = {SC_FORM_TIED,
                     4,
                     0,
                     {0, TERM_LOW, TERM_LOW, 0},
                     {SC_MOST_OFFSET, TERM_HIGH, TERM_HIGH, SC_STEEPEST}},
    [SC_LAW_COUPLED] = {SC_FORM_COUPLED,
                        6,
                        0,
                        {0, TERM_LOW, 0, TERM_LOW, 0, COUPLING_LOW},
                        {SC_MOST_OFFSET, TERM_HIGH, SC_STEEPEST, TERM_HIGH, SC_STEEPEST,
                         COUPLING_HIGH}},
    [SC_LAW_KAPLAN] = {SC_FORM_KAPLAN,
                       5,
                       0,
                       {0, TERM_LOW, 0, TERM_LOW, COUPLING_LOW},
                       {0, TERM_HIGH, SC_STEEPEST, TERM_HIGH, COUPLING_HIGH}},
    [SC_LAW_KAPLAN_OFFSET] = {SC_FORM_KAPLAN,
                              5,
                              0,
                              {0, TERM_LOW, 0, TERM_LOW, COUPLING_LOW},
                              {SC_MOST_OFFSET, TERM_HIGH, SC_STEEPEST, TERM_HIGH, COUPLING_HIGH}},
    [SC_LAW_COMPUTE] =
        {SC_FORM_COMPUTE, 3, 1, {0, TERM_LOW, 0}, {SC_MOST_OFFSET, TERM_HIGH, SC_STEEPEST}},
};

const sc_form_row *sc_form_row_of(int form)
{
    return form >= 0 && form < SC_LAW_FORM_COUNT ? &rows[form] : NULL;
}

int sc_form_free(const sc_form_row *row)
{
    int count = 0;
    for (int i = 0; i < row->values; i++)
        count += row->low[i] < row->high[i];
    return count;
}

void sc_form_to_theta(const sc_form_row *row, const double *values, sc_centre centre, double *theta)
{
    const double *v = values;
    theta[0] = v[0] * exp(-centre.y);
    switch (row->form) {
    case SC_FORM_ADDITIVE:
    case SC_FORM_COMPUTE:
        theta[1] = log(v[1]) - centre.y - v[2] * centre.n;
        theta[2] = v[2];
        if (row->form == SC_FORM_COMPUTE)
            break;
        theta[3] = log(v[3]) - centre.y - v[4] * centre.m;
        theta[4] = v[4];
        break;
    case SC_FORM_TIED:
        theta[1] = log(v[1]) - centre.y - v[3] * centre.n;
        theta[2] = log(v[2]) - centre.y - v[3] * centre.m;
        theta[3] = v[3];
        break;
    case SC_FORM_COUPLED: {
        const double gamma = v[5], slope_n = v[2] * gamma, slope_m = v[4] * gamma;
        theta[1] = gamma * log(v[1]) - centre.y - slope_n * centre.n;
        theta[2] = slope_n;
        theta[3] = gamma * log(v[3]) - centre.y - slope_m * centre.m;
        theta[4] = slope_m;
        theta[5] = log(gamma);
        break;
    }
    default: /* Kaplan's */
        theta[1] = v[2] * (log(v[1]) - centre.n) - centre.y;
        theta[2] = v[2];
        theta[3] = v[4] * (log(v[3]) - centre.m) - centre.y;
        theta[4] = log(v[4]);
    }
}

void sc_form_to_values(const sc_form_row *row, const double *theta, sc_centre centre,
                       double *values)
{
    const double *t = theta;
    values[0] = t[0] * exp(centre.y);
    switch (row->form) {
    case SC_FORM_ADDITIVE:
    case SC_FORM_COMPUTE:
        values[1] = exp(t[1] + centre.y + t[2] * centre.n);
        values[2] = t[2];
        if (row->form == SC_FORM_COMPUTE)
            break;
        values[3] = exp(t[3] + centre.y + t[4] * centre.m);
        values[4] = t[4];
        break;
    case SC_FORM_TIED:
        values[1] = exp(t[1] + centre.y + t[3] * centre.n);
        values[2] = exp(t[2] + centre.y + t[3] * centre.m);
        values[3] = t[3];
        break;
    case SC_FORM_COUPLED: {
        const double gamma = exp(t[5]);
        values[1] = exp((t[1] + centre.y + t[2] * centre.n) / gamma);
        values[2] = t[2] / gamma;
        values[3] = exp((t[3] + centre.y + t[4] * centre.m) / gamma);
        values[4] = t[4] / gamma;
        values[5] = gamma;
        break;
    }
    default:
        values[4] = exp(t[4]);
        values[1] = exp((t[1] + centre.y) / t[2] + centre.n);
        values[2] = t[2];
        values[3] = exp((t[3] + centre.y) / values[4] + centre.m);
    }
}

sc_form sc_form_at_points(const sc_form_row *row, const double *values, double *theta)
{
    sc_form_to_theta(row, values, (sc_centre){0, 0, 0}, theta);
    if (row->form != SC_FORM_KAPLAN)
        return row->form;
    theta[5] = theta[4];
    theta[4] = values[4];
    return SC_FORM_COUPLED;
}

/* Terms in ln A and in n are taken together: they nearly cancel. */
void sc_form_chain(const sc_form_row *row, const double *values, double n, double m,
                   double *gradient)
{
    const double *v = values;
    double *const g = gradient;
    switch (row->form) {
    case SC_FORM_ADDITIVE:
        g[1] /= v[1];
        g[3] /= v[3];
        break;
    case SC_FORM_COMPUTE: g[1] /= v[1]; break;
    case SC_FORM_TIED:
        g[1] /= v[1];
        g[2] /= v[2];
        break;
    case SC_FORM_COUPLED:
        g[5] = g[1] * (log(v[1]) - v[2] * n) + g[3] * (log(v[3]) - v[4] * m) + g[5] / v[5];
        g[1] *= v[5] / v[1];
        g[2] *= v[5];
        g[3] *= v[5] / v[3];
        g[4] *= v[5];
        break;
    default: /* Kaplan's, as a coupled law */
        g[2] = g[1] * (log(v[1]) - n);
        g[4] = g[3] * (log(v[3]) - m) + g[5] / v[4];
        g[1] *= v[2] / v[1];
        g[3] *= v[4] / v[3];
    }
}

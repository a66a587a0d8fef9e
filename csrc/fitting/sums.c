/* One pass over the runs: objective, gradient and Hessian for as many replicas as a pack has lanes,
 * each with its own parameters and weights. The runs' logarithms are shared, so a run is read once
 * for all of them.
 */
#include "engine/engine.h"
#include "fitting/laws.h"

/* The accumulators of a pass. Their number is known when a form's pass is compiled, so that they
   stay in registers. */
typedef struct sums {
    real objective, squared_pull, weight;
    real gradient[SC_FIT_MOST_PARAMETERS], squared[SC_FIT_MOST_PARAMETERS], hessian[SC_FIT_PACKED];
} sums;

SC_INLINE real magnitude(real x) { return r_max(x, -x); }

/* What a run adds, apart from the law's own curvature. With psi = rho'(r) and J = d(prediction):
   the gradient is -w psi J, and the Hessian w (1[|r| <= delta] J J' - psi d^2 prediction). For
   logarithms d^2 ln L = d^2 L/L - J J', so that J J' has 1[...] + psi. */
SC_INLINE void add_run(sums *s, int parameters, sc_residual residual, int newton, real target,
                       real weight, real delta, real value, const real *derivative, real *curvature)
{
    const real one = r_set(1.0), zero = r_set(0.0);
    const int logs = residual == SC_RESIDUAL_OF_LOG;
    real inverse = one, prediction = value;
    if (logs) {
        inverse = one / value;
        prediction = sc_log_twice(value) - r_set(SC_LN2);
    }
    const real r = target - prediction;
    const real psi = r_max(r_min(r, delta), -delta), size = magnitude(psi);
    const real pull = weight * psi;
    s->objective = r_fma(weight * size, r_fnma(r_set(0.5), size, magnitude(r)), s->objective);
    s->squared_pull = r_fma(pull, psi, s->squared_pull);
    s->weight = s->weight + weight;
    real zone = r_select(r_le(magnitude(r), delta), weight, zero);
    if (logs && newton)
        zone = zone + pull;
    *curvature = -pull * inverse;
    for (int i = 0; i < parameters; i++) {
        const real J = derivative[i] * inverse, wJ = weight * J, scaled = zone * J;
        s->gradient[i] = r_fnma(pull, J, s->gradient[i]);
        s->squared[i] = r_fma(wJ, J, s->squared[i]);
        for (int j = 0; j <= i; j++)
            s->hessian[SC_PACKED(i, j)] =
                r_fma(scaled, derivative[j] * inverse, s->hessian[SC_PACKED(i, j)]);
    }
}

SC_INLINE void clear(sums *s, int parameters)
{
    s->objective = s->squared_pull = s->weight = r_set(0.0);
    for (int i = 0; i < parameters; i++)
        s->gradient[i] = s->squared[i] = r_set(0.0);
    for (int i = 0; i < SC_PACKED(parameters, 0); i++)
        s->hessian[i] = r_set(0.0);
}

SC_INLINE void hand_over(const sums *s, int parameters, sc_fit_sums *out)
{
    r_store(out->objective, s->objective);
    r_store(out->squared_pull, s->squared_pull);
    r_store(out->weight, s->weight);
    for (int i = 0; i < parameters; i++) {
        r_store(out->gradient[i], s->gradient[i]);
        r_store(out->squared_columns[i], s->squared[i]);
    }
    for (int i = 0; i < SC_PACKED(parameters, 0); i++)
        r_store(out->hessian[i], s->hessian[i]);
}

SC_INLINE void pass(sc_form form, int parameters, sc_residual residual, const sc_fit_runs *runs,
                    const double *theta, const double *delta, const double *weights,
                    const double *targets, sc_fit_sums *out)
{
    sums s;
    real t[SC_FIT_MOST_PARAMETERS];
    clear(&s, parameters);
    for (int i = 0; i < parameters; i++)
        t[i] = r_load(theta + i * SC_LANES);
    const real d = r_load(delta);
    real gamma = r_set(1.0), inverse_gamma = r_set(1.0);
    if (form == SC_FORM_COUPLED || form == SC_FORM_KAPLAN) {
        gamma = sc_law_exp(t[parameters - 1]);
        inverse_gamma = r_set(1.0) / gamma;
    }
    const double *m = runs->m ? runs->m : runs->n;
    for (ptrdiff_t i = 0; i < runs->count; i++) {
        sc_law_point o;
        real curvature;
        const real n_i = r_set(runs->n[i]), m_i = r_set(m[i]);
        sc_law_at(form, t, gamma, inverse_gamma, n_i, m_i, &o);
        add_run(&s, parameters, residual, 1,
                targets ? r_load(targets + i * SC_LANES) : r_set(runs->y[i]),
                r_load(weights + i * SC_LANES), d, o.value, o.gradient, &curvature);
        sc_law_curvature(form, gamma, inverse_gamma, n_i, m_i, &o, curvature, s.hessian);
    }
    hand_over(&s, parameters, out);
}

#define FOR_EACH_FORM(DO)   \
    DO(SC_FORM_ADDITIVE, 5) \
    DO(SC_FORM_TIED, 4) DO(SC_FORM_COUPLED, 6) DO(SC_FORM_KAPLAN, 5) DO(SC_FORM_COMPUTE, 3)

void SC_KERNEL(sc_fit_sum)(const sc_fit_runs *runs, const double *theta, const double *delta,
                           const double *weights, const double *targets, sc_fit_sums *out)
{
#define PASS(form, parameters)                                                                     \
    case form:                                                                                     \
        if (runs->residual == SC_RESIDUAL_OF_LOG)                                                  \
            pass(form, parameters, SC_RESIDUAL_OF_LOG, runs, theta, delta, weights, targets, out); \
        else                                                                                       \
            pass(form, parameters, SC_RESIDUAL_OF_LOSS, runs, theta, delta, weights, targets,      \
                 out);                                                                             \
        break;
    switch (runs->form) {
        FOR_EACH_FORM(PASS)
    default: break;
    }
#undef PASS
}

/* The same from values [run][lane] and gradients [run][parameter][lane] that somebody else
   computed, added to what `out` has. Without second derivatives the Hessian is Gauss and
   Newton's. */
void SC_KERNEL(sc_fit_add)(const sc_fit_runs *runs, ptrdiff_t first, ptrdiff_t count,
                           const double *values, const double *gradients, const double *delta,
                           const double *weights, const double *targets, sc_fit_sums *out)
{
    sums s;
    const int parameters = runs->parameters;
    const real d = r_load(delta);
    clear(&s, parameters);
    for (ptrdiff_t i = 0; i < count; i++) {
        real g[SC_FIT_MOST_PARAMETERS], curvature;
        for (int j = 0; j < parameters; j++)
            g[j] = r_load(gradients + (i * parameters + j) * SC_LANES);
        const real target =
            targets ? r_load(targets + (first + i) * SC_LANES) : r_set(runs->y[first + i]);
        add_run(&s, parameters, runs->residual, 0, target, r_load(weights + (first + i) * SC_LANES),
                d, r_load(values + i * SC_LANES), g, &curvature);
    }
    if (first) {
        s.objective = s.objective + r_load(out->objective);
        s.squared_pull = s.squared_pull + r_load(out->squared_pull);
        s.weight = s.weight + r_load(out->weight);
        for (int i = 0; i < parameters; i++) {
            s.gradient[i] = s.gradient[i] + r_load(out->gradient[i]);
            s.squared[i] = s.squared[i] + r_load(out->squared_columns[i]);
        }
        for (int i = 0; i < SC_PACKED(parameters, 0); i++)
            s.hessian[i] = s.hessian[i] + r_load(out->hessian[i]);
    }
    hand_over(&s, parameters, out);
}

int SC_KERNEL(sc_fit_lanes)(void) { return SC_LANES; }

/* Values of a law of ours, and gradients [parameter][point] where they are wanted: theta
   [parameter] is one set for all points. */
void SC_KERNEL(sc_fit_values)(const sc_fit_runs *runs, const double *theta, double *value,
                              double *gradient)
{
    const double *m = runs->m ? runs->m : runs->n;
    for (ptrdiff_t i = 0; i < runs->count; i += SC_LANES) {
        double n_pack[SC_LANES], m_pack[SC_LANES], out[SC_LANES];
        const int points = runs->count - i < SC_LANES ? (int)(runs->count - i) : SC_LANES;
        for (int l = 0; l < SC_LANES; l++) {
            n_pack[l] = runs->n[i + (l < points ? l : 0)];
            m_pack[l] = m[i + (l < points ? l : 0)];
        }
        const real n = r_load(n_pack), mm = r_load(m_pack);
        sc_law_point o;
        real t[SC_FIT_MOST_PARAMETERS];
        for (int j = 0; j < runs->parameters; j++)
            t[j] = r_set(theta[j]);
#define AT(form, parameters)                                                 \
    case form: {                                                             \
        const real gamma = form == SC_FORM_COUPLED || form == SC_FORM_KAPLAN \
                               ? sc_law_exp(t[parameters - 1])               \
                               : r_set(1.0);                                 \
        sc_law_at(form, t, gamma, r_set(1.0) / gamma, n, mm, &o);            \
        break;                                                               \
    }
        switch (runs->form) {
            FOR_EACH_FORM(AT)
        default: memset(&o, 0, sizeof o); break; /* there is no such form */
        }
#undef AT
        r_store(out, o.value);
        memcpy(value + i, out, (size_t)points * sizeof(double));
        for (int j = 0; gradient && j < runs->parameters; j++) {
            r_store(out, o.gradient[j]);
            memcpy(gradient + j * runs->count + i, out, (size_t)points * sizeof(double));
        }
    }
}

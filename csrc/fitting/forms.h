/* The forms of a law: how many values each has, where its theta may lie, and the way between values
 * in the units of the runs and theta in centred logarithms (fitting.h).
 */
#ifndef SC_FITTING_FORMS_H
#define SC_FITTING_FORMS_H

#include "fitting/fitting.h"
#include "fitting/settings.h"
#include "scalecore.h"

typedef struct sc_form_row {
    sc_form form; /* whose sums are taken */
    int values;
    int without_samples;                                      /* reads one column */
    double low[SC_LAW_MOST_VALUES], high[SC_LAW_MOST_VALUES]; /* of theta; equal where it is held */
} sc_form_row;

/* Means that were taken from ln N, ln D and ln L. */
typedef struct sc_centre {
    double n, m, y;
} sc_centre;

/* NULL for a form that there is not. */
const sc_form_row *sc_form_row_of(int form);
/* Values that are fitted. */
int sc_form_free(const sc_form_row *row);
void sc_form_to_theta(const sc_form_row *row, const double *values, sc_centre centre,
                      double *theta);
void sc_form_to_values(const sc_form_row *row, const double *theta, sc_centre centre,
                       double *values);
/* The form that computes losses at points, and its theta (SC_LAW_MOST_VALUES at most) about the
   centre 0: Kaplan's law as a coupled one, whose gradient has the parts that the chain rule needs.
   */
sc_form sc_form_at_points(const sc_form_row *row, const double *values, double *theta);
/* The gradient by that theta becomes the gradient by the values, in its place. n and m: ln N and ln
   D of the point. */
void sc_form_chain(const sc_form_row *row, const double *values, double n, double m,
                   double *gradient);

#endif

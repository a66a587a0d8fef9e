/* The kernels of one instruction set, and the choice among those that this processor has.
 *
 * The files of kernel_sources.h are compiled once per instruction set: on their own for the
 * baseline, and through simd/isa_avx2.c and simd/isa_avx512.c, which switch the compiler's target
 * and include them again. Each set has an sc_engine of its own, a table of its kernels. See
 * csrc/README.md.
 */
#ifndef SC_ENGINE_H
#define SC_ENGINE_H

/* before any header, for there may be none of 32 bits */
#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ < 8
#error "scalecore needs a 64-bit processor and compiler: no -m32"
#endif

#include <float.h>
#include <stdint.h>

#if UINTPTR_MAX < 0xffffffffffffffffu
#error "scalecore needs a 64-bit processor and compiler: no -m32"
#elif FLT_EVAL_METHOD != 0
#error "scalecore needs sums of doubles that are rounded to doubles: no -mfpmath=387"
#endif

#include "fitting/fitting.h"
#include "posterior/posterior.h"
#include "scalecore.h"
#include "spectral/lower_bound.h"
#include "spectral/orbits.h"
#include "spectral/spectral.h"

/* A Monte Carlo over random networks: what every one of them has in common. */
typedef struct sc_experiment {
    uint64_t key; /* of the random streams */
    int input_dim;
    double concentration;
    double truncation; /* atoms are drawn until this mass is left, and every draw has its atom */
    int inputs;        /* per network */
    int width_count;   /* at most SC_MOST_WIDTHS */
    const double *widths;
} sc_experiment;

/* not among the public optimizers: see training/adf.h */
#define SC_ADF ((sc_optimizer)(SC_ADAM + 1))

typedef enum sc_mode {
    SC_LEARN,
    SC_EVALUATE, /* sums and records errors, but learns nothing */
    /* learns from every sample, also from one whose partner is missing; records nothing */
    SC_COMPLETE
} sc_mode;

/* A block of samples: first ... first + count - 1 of a repeat's stream, which all learners of that
   repeat read. */
typedef struct sc_sample_block {
    int input_dim;
    int single; /* inputs, labels and states (but those of SC_ADF) are float, not double */
    sc_optimizer optimizer;
    int64_t first;
    int count;
    const void *inputs;                 /* count x input_dim */
    const void *labels;                 /* 0 or 1 */
    const double *probability, *offset; /* see sc_samples */
    /* factors on each sample's rate, and Adam's corrections */
    const double *rate, *first_moment, *second_moment;
    int checkpoint_count;
    const int64_t *checkpoints; /* increasing */
} sc_sample_block;

#define SC_SAMPLE_MULTIPLE SC_SAMPLES
/* learners that one call of a kernel updates together, a lane each */
#define SC_LEARNER_BATCH SC_MOST_RUNS

/* Features of SC_ADF: basis [x, |directions x|]. */
typedef struct sc_features {
    int raw;                  /* input_dim and the number of directions */
    const double *directions; /* [raw - input_dim][input_dim] */
    const double *basis;      /* [raw][width], width padded to a multiple of 8 by noughts */
} sc_features;

/* One network in training. */
typedef struct sc_learner {
    int width; /* of SC_ADF: its coefficients */
    double rate;
    void *state;       /* see sc_learner_size */
    double *sum;       /* of its errors so far */
    double *record;    /* the mean error at each checkpoint */
    int64_t *read;     /* samples that it has seen; SGD has learned from an even number of them */
    int64_t *diverged; /* the first sample whose logit was not finite, or -1 */
    const sc_features *features; /* of SC_ADF */
} sc_learner;

/* A model with finitely many hypotheses, inputs and labels. An input with a label is a cell; rows
   lie along the hypotheses. */
typedef struct sc_finite {
    ptrdiff_t stride; /* hypotheses, padded to a multiple of 8 by some that can do nothing */
    int inputs, labels;
    const double *theta;     /* [input][label][hypothesis] P(x) P(y|f,x) */
    const double *log_theta; /* SC_LOG_ZERO where that is 0 */
} sc_finite;

/* Stands for ln 0: far below the log-likelihood of any history that can happen, and finite, so that
   0 times it is 0 and not NaN. */
#define SC_LOG_ZERO -1e9
/* Most samples whose histories are enumerated: with more, a history that can happen could come near
   SC_LOG_ZERO. */
#define SC_MOST_COUNTED 500000

/* The recursion on P(S_t = s | F = f): into each state lead transitions, each from a state, on a
   cell, with a probability. */
typedef struct sc_recursion {
    sc_finite model;
    const double *prior;      /* padded by 0 */
    const double *negentropy; /* prior times E(ln P(Y|f,X) | f) */
    ptrdiff_t states;
    const ptrdiff_t *first; /* transitions into state s are first[s] .. first[s+1] */
    const int32_t *source, *cell;
    const double *weight;
    /* hypotheses of a block, at most SC_MOST_WIDTH and a multiple of 8; the last may have fewer */
    ptrdiff_t width;
} sc_recursion;

#define SC_MOST_WIDTH 128
#define SC_ACCOUNT_STATES 1024 /* states of one call of the kernel `account` */

/* Sums over the joint law of state, input and label; x ln x stands for its sum over all of them. */
typedef struct sc_account {
    double cells, inputs, states; /* x ln x of P(s,x,y), P(s,x), P(s) */
    double gap;                   /* E d_KL(P(Y|S,X) || predictor) */
    /* the first [state][input][label] that can happen although the predictor gives it 0; or -1 */
    ptrdiff_t impossible;
} sc_account;

typedef struct sc_engine {
    const char *name;
#define KERNEL(returns, name, parameters) returns(*name) parameters;
#include "engine/kernels.h"
} sc_engine;

/* Make vectors orthonormal, in place, by Gram and Schmidt: at most d of them, of d numbers each.
   The same bits on every machine. */
void sc_orthonormalise(double *vectors, int first, int last, int d);
size_t sc_descent_space(const sc_orbits *); /* bytes */
size_t sc_projection_space(const sc_orbits *);

/* The best engine for this processor. With a name, the engine of that name; NULL where there is
   none or this processor does not run it. */
const sc_engine *sc_engine_find(const char *name);
/* The engine of the public functions: the best one, unless sc_engine_use has chosen (before any of
   them is called). */
const sc_engine *sc_engine_in_use(void);
void sc_engine_use(const sc_engine *engine);

/* ---- what files with kernels need ------------------------------------------------------------ */

#ifndef SC_ISA
#define SC_ISA baseline
#endif
#define SC_JOIN_(a, b) a##b
#define SC_JOIN(a, b) SC_JOIN_(a, b)
#define SC_TEXT_(word) #word
#define SC_TEXT(word) SC_TEXT_(word)
/* a kernel's name in the instruction set for which this file is being compiled */
#define SC_KERNEL(name) SC_JOIN(name##_, SC_ISA)

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SC_HAVE_X86_KERNELS 1
#endif

#define KERNEL(returns, name, parameters) returns SC_KERNEL(sc_##name) parameters;
#include "engine/kernels.h"

#endif

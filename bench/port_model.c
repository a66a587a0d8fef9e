/* The three loops of error_bound, marked for port_model.py: the bodies are the kernel's own. */
#define SC_ISA model
#include "engine/engine.h"

#include <immintrin.h>
#ifdef MODEL_AVX2
#define SC_VECTOR "simd/vector_avx2.h"
#pragma GCC target("avx2,fma,bmi,bmi2")
#else
#define SC_VECTOR "simd/vector_avx512.h"
#pragma GCC target("avx512f,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif
#include "bounds/bounds.c"

/* A comment in the assembler's text, in the loop that the script looks for. */
#define LOOP(name) __asm__ volatile("# loop " name)

void model_occupancy(const points *p, double *out)
{
    sc_origin origin = sc_origin_of(sc_pack(&p->K, 0));
    origin.any_small = 0;
    origin.terms = SC_FAR_TERMS;
    for (int i = 0; i < p->packs; i++) {
        LOOP("occupancy");
        r_store(out + i * SC_LANES, sc_occupancy_at(&origin, sc_pack(&p->n, i)));
        fetch_ahead_n_K_out(p, i);
    }
}

void model_resolution(const points *p, columns *c, double *most)
{
    real greatest = r_set(0.0);
    for (int i = 1; i < p->packs; i++) {
        LOOP("resolution");
        start(p, c, i, &greatest);
        polish(SC_FOR_THE_BOUND, c, i - 1);
    }
    r_store(most, greatest);
}

void model_result(const points *p, const columns *c, double *out)
{
    for (int i = 0; i < p->packs; i++) {
        LOOP("result");
        const int at = i * SC_LANES;
        const real entropy = sc_unit_entropy(sc_log_twice(sc_pack(&p->n, i)), sc_pack(&p->d, i),
                                             r_load(c->inverse + at)),
                   rest = sc_misspecification_at(sc_pack(&p->n, i), sc_pack(&p->K, i),
                                                 r_load(c->eps + at));
        r_store(out + at, r_fma(r_load(c->per_sample + at), entropy, rest));
    }
}

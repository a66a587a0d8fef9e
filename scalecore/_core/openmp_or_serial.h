/* What the loops need of OpenMP and of the process, with or without either. */
#ifndef SC_OPENMP_OR_SERIAL_H
#define SC_OPENMP_OR_SERIAL_H

#ifdef _OPENMP
#include <omp.h>
#define SC_HAS_OPENMP 1
static inline int sc_thread_number(void) { return omp_get_thread_num(); }
static inline double sc_seconds(void) { return omp_get_wtime(); }
#else
#define SC_HAS_OPENMP 0
#include <time.h>
static inline int sc_thread_number(void) { return 0; }
static inline double sc_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }
static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_in_parallel(void) { return 0; }
#endif

#ifdef _WIN32
static inline long sc_process_id(void) { return 0; } /* no fork to guard against */
#else
#include <unistd.h>
static inline long sc_process_id(void) { return (long)getpid(); }
#endif

#endif

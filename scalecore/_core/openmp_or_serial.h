/* What the loops need of OpenMP and of the process, with or without either. */
#ifndef SC_OPENMP_OR_SERIAL_H
#define SC_OPENMP_OR_SERIAL_H

#ifdef _OPENMP
#include <omp.h>
#define SC_HAS_OPENMP 1
static inline int sc_thread_number(void) { return omp_get_thread_num(); }
static inline double sc_seconds(void) { return omp_get_wtime(); }
static inline int sc_processors(void) { return omp_get_num_procs(); }
#else
#define SC_HAS_OPENMP 0
#include <time.h>
static inline int sc_thread_number(void) { return 0; }
static inline double sc_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }
static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_in_parallel(void) { return 0; }
static inline int sc_processors(void) { return 1; }
#endif

/* Where OpenMP cannot start a thread it ends the process (GCC's), and where its threads have too
   small a stack they overrun it. So threads are tried before a team is made larger. */
#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#include <stdlib.h>

static inline size_t sc_default_stack(void)
{
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    return size;
}

static void *sc_wait_at_gate(void *gate)
{
    pthread_mutex_lock((pthread_mutex_t *)gate);
    pthread_mutex_unlock((pthread_mutex_t *)gate);
    return NULL;
}

/* How many of `count` threads with such a stack can be there at once. */
static inline int sc_startable(int count, size_t stack)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    pthread_t *threads = (pthread_t *)malloc(sizeof(pthread_t) * (size_t)count);
    int started = 0;
    if (!threads || pthread_attr_init(&attributes) != 0) {
        free(threads);
        return 0;
    }
    if (stack)
        pthread_attr_setstacksize(&attributes, stack);
    pthread_mutex_lock(&gate);
    while (started < count
           && pthread_create(&threads[started], &attributes, sc_wait_at_gate, &gate) == 0)
        started++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    free(threads);
    return started;
}

/* As many threads as a team of this Python thread can have. OpenMP keeps the last team's; a larger
   one is tried, though not more often than every tenth of a second. */
static inline int sc_affordable_team(int team, size_t stack)
{
    static _Thread_local int last = 1, tried = 1;
    static _Thread_local double when = 0;
    if (team > last && (team > tried || sc_seconds() - when > 0.1)) {
        const int most = 1 + sc_startable(team - 1, stack);
        tried = team = most < team ? most : team;
        when = sc_seconds();
    }
    return last = team;
}
#else
#include <stddef.h>
static inline size_t sc_default_stack(void) { return (size_t)1 << 20; }
static inline int sc_affordable_team(int team, size_t stack)
{
    (void)stack;
    return team;
}
#endif

#ifdef _WIN32
static inline long sc_process_id(void) { return 0; } /* no fork to guard against */
#else
#include <unistd.h>
static inline long sc_process_id(void) { return (long)getpid(); }
#endif

#endif

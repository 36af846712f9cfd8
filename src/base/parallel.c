/* Threads take indices from one shared counter; the caller works too. */
#include "base/parallel.h"

#if defined(__wasm__)

pare_status pare_pool_new(pare_context *ctx, int n_threads, pare_pool **out) {
  (void)ctx;
  (void)n_threads;
  *out = NULL;
  return PARE_OK;
}

void pare_pool_free(pare_pool *pool) {
  (void)pool;
}

int pare_pool_threads(const pare_pool *pool) {
  (void)pool;
  return 1;
}

void pare_parallel_for(pare_pool *pool, int64_t n, void (*fn)(void *arg, int64_t i, int i_thread),
                       void *arg) {
  (void)pool;
  for (int64_t i = 0; i < n; i++) fn(arg, i, 0);
}

#else

#include <pthread.h>
#include <stdatomic.h>

typedef struct worker {
  pare_pool *pool;
  pthread_t thread;
  int i_thread;
} worker;

struct pare_pool {
  pare_context *ctx;
  int n_threads;
  worker *workers; /* [n_threads - 1] */
  pthread_mutex_t mutex;
  pthread_cond_t start, done;
  uint64_t round; /* which parallel_for; 0 before the first */
  bool stopping;
  int n_busy;
  atomic_llong next;
  int64_t n;
  void (*fn)(void *arg, int64_t i, int i_thread);
  void *arg;
};

static void work(pare_pool *pool, int i_thread) {
  for (;;) {
    int64_t i = atomic_fetch_add(&pool->next, 1);
    if (i >= pool->n) return;
    pool->fn(pool->arg, i, i_thread);
  }
}

static void *worker_main(void *arg) {
  worker *self = arg;
  pare_pool *pool = self->pool;
  uint64_t seen = 0;
  pthread_mutex_lock(&pool->mutex);
  for (;;) {
    while (pool->round == seen && !pool->stopping) pthread_cond_wait(&pool->start, &pool->mutex);
    if (pool->stopping) break;
    seen = pool->round;
    pthread_mutex_unlock(&pool->mutex);
    work(pool, self->i_thread);
    pthread_mutex_lock(&pool->mutex);
    if (--pool->n_busy == 0) pthread_cond_signal(&pool->done);
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

/* With fewer threads than asked for (the system refused one) the results are the same. */
pare_status pare_pool_new(pare_context *ctx, int n_threads, pare_pool **out) {
  *out = NULL;
  if (n_threads <= 1) return PARE_OK;
  if (n_threads > 64) n_threads = 64;
  pare_pool *pool = pare_alloc(ctx, sizeof *pool);
  if (!pool) return PARE_OUT_OF_MEMORY;
  pool->ctx = ctx;
  pool->n_threads = 1;
  pool->workers = pare_alloc_array(ctx, (size_t)n_threads - 1, sizeof(worker));
  if (!pool->workers) {
    pare_free(ctx, pool);
    return PARE_OUT_OF_MEMORY;
  }
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->start, NULL);
  pthread_cond_init(&pool->done, NULL);
  for (int i = 0; i < n_threads - 1; i++) {
    pool->workers[i] = (worker){.pool = pool, .i_thread = i + 1};
    if (pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]) != 0) break;
    pool->n_threads++;
  }
  *out = pool;
  return PARE_OK;
}

void pare_pool_free(pare_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->mutex);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->start);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 0; i < pool->n_threads - 1; i++) pthread_join(pool->workers[i].thread, NULL);
  pthread_mutex_destroy(&pool->mutex);
  pthread_cond_destroy(&pool->start);
  pthread_cond_destroy(&pool->done);
  pare_free(pool->ctx, pool->workers);
  pare_free(pool->ctx, pool);
}

int pare_pool_threads(const pare_pool *pool) {
  return pool ? pool->n_threads : 1;
}

void pare_parallel_for(pare_pool *pool, int64_t n, void (*fn)(void *arg, int64_t i, int i_thread),
                       void *arg) {
  if (!pool || n <= 1) {
    for (int64_t i = 0; i < n; i++) fn(arg, i, 0);
    return;
  }
  pthread_mutex_lock(&pool->mutex);
  pool->fn = fn;
  pool->arg = arg;
  pool->n = n;
  atomic_store(&pool->next, 0);
  pool->n_busy = pool->n_threads - 1;
  pool->round++;
  pthread_cond_broadcast(&pool->start);
  pthread_mutex_unlock(&pool->mutex);
  work(pool, 0);
  pthread_mutex_lock(&pool->mutex);
  while (pool->n_busy > 0) pthread_cond_wait(&pool->done, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
}

#endif

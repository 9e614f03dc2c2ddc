// Barriers, thread-local storage of three kinds, once-only initialisation, detached threads.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { threads = 5, phases = 200 };

static pthread_barrier_t barrier;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local long mine = 7;
static _Thread_local char zeroed[3000];
static long table[threads];
static int wrong, serial, destroyed, initialised;

static void initialise(void) {
  ++initialised;
}

static void destroy(void* value) {
  __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
  free(value);
}

static void* run(void* argument) {
  const int me = *(int*)argument;
  pthread_once(&once, initialise);
  int* own = malloc(sizeof *own);
  *own = me;
  pthread_setspecific(key, own);
  for (int i = 0; i < 3000; ++i) {
    if (zeroed[i]) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
  }
  for (int phase = 1; phase <= phases; ++phase) {
    table[me] = phase;
    mine += me;
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
      __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    }
    for (int i = 0; i < threads; ++i) {
      if (table[i] != phase) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
    pthread_barrier_wait(&barrier);
  }
  if (mine != 7 + (long)me * phases || *(int*)pthread_getspecific(key) != me) {
    __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
  }
  return (void*)mine;
}

static int detached_done;
static void* run_detached(void* unused) {
  __atomic_store_n(&detached_done, 1, __ATOMIC_RELEASE);
  return unused;
}

int main(void) {
  pthread_barrier_init(&barrier, NULL, threads);
  pthread_key_create(&key, destroy);
  pthread_t ids[threads];
  int numbers[threads];
  for (int i = 0; i < threads; ++i) {
    numbers[i] = i;
    pthread_create(&ids[i], NULL, run, &numbers[i]);
  }
  for (int i = 0; i < threads; ++i) {
    void* result;
    pthread_join(ids[i], &result);
    printf("thread %d counted to %ld\n", i, (long)result);
  }
  printf("%d phases, %d serial threads, %d wrong\n", phases, serial, wrong);
  printf("initialised %d time, destroyed %d values, main's own is still %ld\n", initialised,
         destroyed, mine);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t id;
  pthread_create(&id, &attributes, run_detached, NULL);
  while (!__atomic_load_n(&detached_done, __ATOMIC_ACQUIRE)) usleep(1000);
  printf("the detached thread ran\n");
  return 0;
}

// Condition variables: a bounded queue between producers and consumers, a broadcast, a wait with a
// timeout.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { capacity = 8, producers = 2, consumers = 3, items = 3000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static int queue[capacity], head, count, taken, most;
static long sum;

static void* produce(void* first) {
  for (int i = 0; i < items; ++i) {
    pthread_mutex_lock(&mutex);
    while (count == capacity) pthread_cond_wait(&not_full, &mutex);
    queue[(head + count++) % capacity] = *(int*)first + i * producers;
    if (count > most) most = count;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void* consume(void* unused) {
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (count == 0 && taken < items * producers) pthread_cond_wait(&not_empty, &mutex);
    if (taken == items * producers) {
      pthread_cond_broadcast(&not_empty);
      pthread_mutex_unlock(&mutex);
      return unused;
    }
    sum += queue[head];
    head = (head + 1) % capacity;
    --count;
    ++taken;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&mutex);
  }
}

static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;
static int is_open, passed;

static void* wait_at_gate(void* unused) {
  pthread_mutex_lock(&mutex);
  while (!is_open) pthread_cond_wait(&gate, &mutex);
  ++passed;
  pthread_mutex_unlock(&mutex);
  return unused;
}

int main(void) {
  pthread_t ids[16];
  int first[producers] = {0, 1};
  int n = 0;
  for (int i = 0; i < producers; ++i) pthread_create(&ids[n++], NULL, produce, &first[i]);
  for (int i = 0; i < consumers; ++i) pthread_create(&ids[n++], NULL, consume, NULL);
  while (n > 0) pthread_join(ids[--n], NULL);
  printf("%d items, sum %ld, never more than %d waiting: %s\n", taken, sum, capacity,
         most <= capacity ? "yes" : "no");

  for (n = 0; n < 10; ++n) pthread_create(&ids[n], NULL, wait_at_gate, NULL);
  pthread_mutex_lock(&mutex);
  is_open = 1;
  pthread_cond_broadcast(&gate);
  pthread_mutex_unlock(&mutex);
  while (n > 0) pthread_join(ids[--n], NULL);
  printf("%d threads passed the gate\n", passed);

  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_nsec += 20000000;
  if (deadline.tv_nsec >= 1000000000) deadline.tv_nsec -= 1000000000, ++deadline.tv_sec;
  pthread_mutex_lock(&mutex);
  int result;
  do result = pthread_cond_timedwait(&gate, &mutex, &deadline);
  while (result == 0);
  pthread_mutex_unlock(&mutex);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int early = now.tv_sec < deadline.tv_sec ||
                    (now.tv_sec == deadline.tv_sec && now.tv_nsec < deadline.tv_nsec);
  printf("the timed wait %s%s\n", result == ETIMEDOUT ? "timed out" : "ended otherwise",
         early ? ", but too early" : "");
  return 0;
}

// Sleeping and clocks: checks minimum durations, never exact ones; with the argument "order", the
// order in which threads wake.
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { sleepers = 6 };

static long long now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int order[sleepers], finished;

static void* sleep_by_number(void* argument) {
  const int number = *(int*)argument;
  const struct timespec time = {0, number * 100000000L};
  nanosleep(&time, NULL);
  pthread_mutex_lock(&mutex);
  order[finished++] = number;
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static const char* at_least(long long taken, long long wanted) {
  return taken >= wanted ? "long enough" : "too short";
}

// Use it only under icount: a busy host may wake the sleepers in another order.
static int print_order(void) {
  pthread_t ids[sleepers];
  int numbers[sleepers] = {4, 2, 6, 1, 5, 3};
  for (int i = 0; i < sleepers; ++i) pthread_create(&ids[i], NULL, sleep_by_number, &numbers[i]);
  for (int i = 0; i < sleepers; ++i) pthread_join(ids[i], NULL);
  printf("finished in order:");
  for (int i = 0; i < sleepers; ++i) printf(" %d", order[i]);
  printf("\n");
  return 0;
}

int main(int count, char** words) {
  if (count > 1 && strcmp(words[1], "order") == 0) return print_order();

  long long begin = now(CLOCK_MONOTONIC);
  usleep(15000);
  printf("usleep: %s\n", at_least(now(CLOCK_MONOTONIC) - begin, 15000000));

  begin = now(CLOCK_MONOTONIC);
  const long long deadline = begin + 20000000;
  const struct timespec absolute = {deadline / 1000000000, deadline % 1000000000};
  printf("absolute: %d, %s\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &absolute, NULL),
         at_least(now(CLOCK_MONOTONIC) - begin, 20000000));
  printf("in the past: %d\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &absolute, NULL));

  const struct timespec wrong = {0, 1000000000};
  printf("a wrong time: %s\n", nanosleep(&wrong, NULL) < 0 && errno == EINVAL ? "refused" : "?");

  sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  struct timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_nsec += 10000000;
  if (limit.tv_nsec >= 1000000000) limit.tv_nsec -= 1000000000, ++limit.tv_sec;
  printf("semaphore: %s\n",
         sem_timedwait(&semaphore, &limit) < 0 && errno == ETIMEDOUT ? "timed out" : "?");

  long long last = now(CLOCK_MONOTONIC);
  int backwards = 0;
  for (int i = 0; i < 10000; ++i) {
    const long long time = now(CLOCK_MONOTONIC);
    backwards += time < last;
    last = time;
  }
  printf("the clock went back %d times\n", backwards);
  struct timeval day;
  const time_t before = time(NULL);
  const int told = gettimeofday(&day, NULL);
  // time() may use a clock that is a tick behind.
  printf("gettimeofday: %d, time(): %s\n", told,
         before <= day.tv_sec && day.tv_sec <= time(NULL) + 1 ? "agrees" : "differs");
  struct timespec resolution;
  printf("resolution: %d, %s\n", clock_getres(CLOCK_MONOTONIC, &resolution),
         resolution.tv_sec == 0 ? "below a second" : "?");
  volatile double work = 0;
  begin = now(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < 3000000; ++i) work += i;
  printf("working takes processor time: %s\n",
         now(CLOCK_PROCESS_CPUTIME_ID) > begin ? "yes" : "no");
  return 0;
}

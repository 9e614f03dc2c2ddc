// Mutexes of all kinds, read-write locks, spin locks, semaphores.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>

enum { threads = 4, each = 20000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t semaphore;
static long by_mutex, by_rwlock, by_spin, by_semaphore;
static long torn;

static void* count(void* unused) {
  for (int i = 0; i < each; ++i) {
    pthread_mutex_lock(&mutex);
    ++by_mutex;
    if (i % 1000 == 0) sched_yield();
    pthread_mutex_unlock(&mutex);

    pthread_rwlock_wrlock(&rwlock);
    ++by_rwlock;
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_rdlock(&rwlock);
    if (by_rwlock <= 0) ++torn;
    pthread_rwlock_unlock(&rwlock);

    if (i % 10 == 0) {
      pthread_spin_lock(&spin);
      ++by_spin;
      pthread_spin_unlock(&spin);
      sem_wait(&semaphore);
      ++by_semaphore;
      sem_post(&semaphore);
    }
  }
  return unused;
}

static void* try_lock(void* result) {
  *(int*)result = pthread_mutex_trylock(&mutex);
  return NULL;
}

int main(void) {
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  sem_init(&semaphore, 0, 1);
  pthread_t ids[threads];
  for (int i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, count, NULL);
  for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
  printf("mutex %ld, rwlock %ld, spin %ld, semaphore %ld, torn %ld\n", by_mutex, by_rwlock, by_spin,
         by_semaphore, torn);

  int result;
  pthread_mutex_lock(&mutex);
  pthread_create(&ids[0], NULL, try_lock, &result);
  pthread_join(ids[0], NULL);
  pthread_mutex_unlock(&mutex);
  printf("trylock by another: %s\n", result == EBUSY ? "busy" : "?");

  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_t recursive;
  pthread_mutex_init(&recursive, &attributes);
  for (int i = 0; i < 5; ++i) pthread_mutex_lock(&recursive);
  for (int i = 0; i < 5; ++i) pthread_mutex_unlock(&recursive);
  printf("recursive: one unlock too many: %s\n",
         pthread_mutex_unlock(&recursive) == EPERM ? "refused" : "?");

  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t checking;
  pthread_mutex_init(&checking, &attributes);
  pthread_mutex_lock(&checking);
  printf("checking: locked twice: %s\n",
         pthread_mutex_lock(&checking) == EDEADLK ? "refused" : "?");
  pthread_mutex_unlock(&checking);
  return 0;
}

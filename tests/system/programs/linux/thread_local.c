// Thread-local variables of several kinds and sizes: in the main thread, in threads one after
// another, and in threads that run at the same time.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 5, ROUNDS = 2000 };

static __thread char byte = 'a';
static __thread short half = -2;
static __thread int word = 3;
static __thread long sum;
static __thread double fraction = 0.5;
static __thread char text[300] = "each has its own";
static _Alignas(64) __thread char aligned[64];

static pthread_barrier_t together;

static void* count(void* argument) {
  const long self = (long)argument;
  pthread_barrier_wait(&together);
  for (int i = 0; i < ROUNDS; ++i) {
    word += (int)self;
    sum += word & 3;
    fraction += 0.25;
    if (i % 500 == 0) usleep(100);
  }
  byte = (char)(byte + self);
  half = (short)(half * self);
  text[0] = byte;
  errno = (int)self;
  char* const memory = malloc(1000 + (size_t)self * 100000);
  memset(memory, byte, 1000);
  char* line = NULL;
  if (asprintf(&line, "%ld: %c %d %d %ld %.2f %s %d %c", self, byte, half, word, sum, fraction, text,
               (int)((unsigned long)aligned % 64), memory[999]) < 0) {
    abort();
  }
  free(memory);
  return line;
}

int main(void) {
  word = 1000;
  pthread_t threads[THREADS];
  pthread_barrier_init(&together, NULL, THREADS);
  for (long i = 0; i < THREADS; ++i) {
    if (pthread_create(&threads[i], NULL, count, (void*)i) != 0) return 1;
  }
  for (int i = 0; i < THREADS; ++i) {
    void* line = NULL;
    pthread_join(threads[i], &line);
    puts(line);
    free(line);
  }
  printf("main: %c %d %d %ld %.2f %s\n", byte, half, word, sum, fraction, text);
  return 3;
}

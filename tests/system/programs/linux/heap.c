// malloc under stress: all sizes, realloc, alignment, several threads at once; blocks keep their
// contents.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { slots = 256, rounds = 20000, threads = 3 };

struct Block {
  unsigned char* bytes;
  size_t size;
  unsigned char fill;
};

static uint64_t next(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static int intact(const struct Block* block) {
  for (size_t i = 0; i < block->size; i += 61) {
    if (block->bytes[i] != block->fill) return 0;
  }
  return block->size == 0 || block->bytes[block->size - 1] == block->fill;
}

static void* stress(void* seed) {
  uint64_t state = (uintptr_t)seed;
  struct Block blocks[slots] = {0};
  uint64_t checksum = 0;
  for (int i = 0; i < rounds; ++i) {
    struct Block* block = &blocks[next(&state) % slots];
    if (!intact(block)) return NULL;
    const unsigned kind = next(&state) % 1000;
    // Mostly small; now and then up to a megabyte, which is a mapping and a hundred page faults.
    const size_t size = 1 + next(&state) % (kind < 900 ? 512 : kind < 998 ? 20000 : 1000000);
    switch (next(&state) % 3) {
      case 0:
        free(block->bytes);
        block->bytes = malloc(size);
        break;
      case 1:
        block->bytes = realloc(block->bytes, size);
        if (block->size > 0 && block->bytes[0] != block->fill) return NULL;
        break;
      default:
        free(block->bytes);
        block->bytes = calloc(size, 1);
        if (block->bytes && (block->bytes[0] | block->bytes[size - 1]) != 0) return NULL;
    }
    if (!block->bytes) return NULL;
    block->size = size;
    block->fill = (unsigned char)next(&state);
    memset(block->bytes, block->fill, size);
    checksum = checksum * 31 + size;
  }
  for (int i = 0; i < slots; ++i) {
    if (!intact(&blocks[i])) return NULL;
    free(blocks[i].bytes);
  }
  uint64_t* result = malloc(sizeof *result);
  *result = checksum;
  return result;
}

int main(void) {
  pthread_t ids[threads];
  for (uintptr_t i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, stress, (void*)(i + 1));
  for (int i = 0; i < threads; ++i) {
    uint64_t* checksum;
    pthread_join(ids[i], (void**)&checksum);
    if (!checksum) return printf("thread %d found bytes that are not its own\n", i), 1;
    printf("thread %d: %016llx\n", i, (unsigned long long)*checksum);
    free(checksum);
  }
  void* aligned;
  for (size_t alignment = 16; alignment <= 65536; alignment *= 4) {
    if (posix_memalign(&aligned, alignment, 100) || (uintptr_t)aligned % alignment) return 2;
    free(aligned);
  }
  char* huge = malloc(32 << 20);
  huge[0] = huge[(32 << 20) - 1] = 1;
  free(huge);
  malloc_trim(0);
  printf("aligned and huge blocks: ok\n");
  printf("a huge size: %s\n", malloc(SIZE_MAX / 2) ? "given" : "refused");
  return 0;
}

// Reads of many pages into memory of any alignment: the bytes that arrive. The part `gaps` has
// bytes that do not: the emulator checks addresses before it calls the host.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { page = 4096, file_pages = 300, file_bytes = file_pages * page + 123, room = 320 * page };

static int file;

// Pages 10, 11 and 128 are holes.
static void make_file(void) {
  char name[] = "/tmp/large-reads-XXXXXX";
  file = mkstemp(name);
  unlink(name);
  static unsigned char bytes[page];
  for (long at = 0; at < file_bytes; at += page) {
    const long number = at / page;
    if (number == 10 || number == 11 || number == 128) continue;
    for (int i = 0; i < page; ++i) bytes[i] = (unsigned char)(i * 7 + i / 256 + number * 31 + 1);
    const long left = file_bytes - at;
    if (pwrite(file, bytes, left < page ? (size_t)left : page, at) < 0) perror("writing");
  }
}

static unsigned long sum_of(const unsigned char* bytes, size_t count) {
  unsigned long sum = 14695981039346656037u;
  for (size_t i = 0; i < count; ++i) sum = (sum ^ bytes[i]) * 1099511628211u;
  return sum;
}

typedef struct {
  long from, count, shift;
} Read;

static const Read reads[] = {
    {0, file_bytes, 0},
    {0, file_bytes, 16},
    {1, file_bytes, 0},
    {4095, 2 * page, 1},
    {page - 8, 16, page - 4},
    {0, page + 1, page - 1},
    {9 * page + 5, 4 * page, 3},
    {10 * page, 2 * page, 8},
    {126 * page + 7, 5 * page, 4089},
    {file_bytes - 10, 10000, 5},
    {file_bytes - 9000, 1 << 20, 2048},
    {299 * page, 2 * page, 0},
    {17 * page, 16 * page, 0},
    {17 * page, 17 * page, 4095},
    {17 * page + 1, 33 * page, 8},
};

// `is_fresh`: the program has not accessed the memory before.
static void read_rows(int is_fresh) {
  for (size_t i = 0; i < sizeof reads / sizeof *reads; ++i) {
    const Read read = reads[i];
    unsigned char* const memory =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!is_fresh) memset(memory, 0xee, room);
    const long got = pread(file, memory + read.shift, (size_t)read.count, read.from);
    printf("%s %ld+%ld to %ld: %ld %016lx\n", is_fresh ? "fresh" : "used", read.from, read.count,
           read.shift, got, sum_of(memory, room));
    munmap(memory, room);
  }
}

// The middle of the memory may not be written, or is missing. Linux copies whole words, and may
// count some bytes fewer than have arrived.
static void read_to_gaps(void) {
  for (int missing = 0; missing < 2; ++missing) {
    for (long shift = 0; shift < 3 * page; shift += 1111) {
      unsigned char* const memory =
          mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      memset(memory, 0xee, room);
      if (missing) {
        munmap(memory + 20 * page, page);
      } else {
        mprotect(memory + 20 * page, page, PROT_READ);
      }
      const long got = pread(file, memory + shift, 40 * page, 5);
      const long all = 20 * page - shift;
      printf("%s, to %ld: %s\n", missing ? "missing" : "read-only", shift,
             got <= all && got > all - 64 ? "up to the gap" : "other");
      printf("%016lx\n", sum_of(memory, 20 * page));
      munmap(memory, room);
    }
  }
}

static void read_parts(void) {
  static unsigned char memory[80 * page];
  for (int seed = 0; seed < 6; ++seed) {
    memset(memory, 0xdd, sizeof memory);
    struct iovec parts[9];
    size_t at = (size_t)seed * 13;
    for (int i = 0; i < 9; ++i) {
      const size_t length = (size_t)(i * 2713 * (seed + 1) % (5 * page));
      parts[i] = (struct iovec){memory + at, length};
      at += length + (size_t)(seed * i);
    }
    printf("parts %d: %ld %016lx\n", seed, (long)preadv(file, parts, 9, 8 * page - 3 + seed),
           sum_of(memory, sizeof memory));
  }
}

int main(int argc, char** argv) {
  make_file();
  if (argc > 1 && strcmp(argv[1], "gaps") == 0) {
    read_to_gaps();
    return 0;
  }
  read_rows(0);
  read_rows(1);
  read_parts();
  return 0;
}

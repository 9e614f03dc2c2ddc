// Mappings: lengths of 0 and beyond all memory, unaligned addresses, gaps, and wrong flags.
#include <limits.h>
#include <sys/resource.h>

#include "answers.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace {

constexpr int zeros = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr int all = PROT_READ | PROT_WRITE;

void maps() {
  CASE(-EINVAL, mmap, 0, 0, all, zeros, -1, 0);
  CASE(-EINVAL, mmap, 0, page_size, all, MAP_ANONYMOUS, -1, 0);
  CASE(-EINVAL, mmap, 0, page_size, all, MAP_ANONYMOUS | 4, -1, 0);
  CASE(-EINVAL, mmap, 0, page_size, all, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0);
  CASE(-EINVAL, mmap, 0, page_size, all, 0, -1, 1);
  CASE(-EINVAL, mmap, 0, page_size, all, zeros, -1, 1);
  CASE(-EINVAL, mmap, 0, 0, all, zeros, -1, 1);
  CASE(-ENOMEM, mmap, 0, -1, all, zeros, -1, 0);
  CASE(-ENOMEM, mmap, 0, -4096, all, zeros, -1, 0);
  CASE(-ENOMEM, mmap, 0, LONG_MAX, all, zeros, -1, 0);
  CASE(-EINVAL, mmap, page_size + 1, page_size, all, zeros | MAP_FIXED, -1, 0);
  CASE(-EINVAL, mmap, 16 * page_size + 1, page_size, all, zeros | MAP_FIXED_NOREPLACE, -1, 0);
  CASE(-ENOMEM, mmap, beyond, page_size, all, zeros | MAP_FIXED, -1, 0);
  CASE(-ENOMEM, mmap, beyond, page_size, all, zeros | MAP_FIXED_NOREPLACE, -1, 0);
  CASE(-ENOMEM, mmap, LONG_MIN, page_size, all, zeros | MAP_FIXED, -1, 0);
  char* const page = new_page(all);
  CASE(-EEXIST, mmap, page, page_size, all, zeros | MAP_FIXED_NOREPLACE, -1, 0);
  CASE((long)page, mmap, page, page_size, all, zeros | MAP_FIXED, -1, 0);
  CASE(-EINVAL, mmap, page, 0, all, zeros | MAP_FIXED, -1, 0);
  CASE(-EBADF, mmap, page, page_size, all, MAP_PRIVATE | MAP_FIXED, -1, 0);
  CASE(-EBADF, mmap, 0, 0, all, MAP_PRIVATE, -1, 0);
  CASE(-EBADF, mmap, 0, -1, all, MAP_PRIVATE, -1, 0);
  CASE(-EINVAL, mmap, 0, page_size, all, MAP_PRIVATE, -1, 1);

  const int program = open("/proc/self/exe", O_RDONLY);
  CASE(-EINVAL, mmap, 0, 0, PROT_READ, MAP_PRIVATE, program, 0);
  CASE(-EINVAL, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, program, 1);
  CASE(-EINVAL, mmap, 0, page_size, PROT_READ, 0, program, 0);
  CASE(-ENOMEM, mmap, 0, -1, PROT_READ, MAP_PRIVATE, program, 0);
  CASE(-EOVERFLOW, mmap, 0, 2 * page_size, PROT_READ, MAP_PRIVATE, program, -4096);
  CASE(-EACCES, mmap, 0, page_size, all, MAP_SHARED, program, 0);
  DIFFERS(-EACCES, -EINVAL, mmap, 0, page_size, all, MAP_SHARED_VALIDATE, program, 0);
  CASE(-EINVAL, mmap, 0, page_size, PROT_READ, MAP_PRIVATE | MAP_FIXED | 0, program, 7);
  char* const shared = (char*)mmap(nullptr, page_size, PROT_READ, MAP_SHARED, program, 0);
  CASE(-EACCES, mprotect, shared, page_size, all);
  CASE(0, mprotect, shared, page_size, PROT_NONE);
  CASE(0, munmap, shared, page_size);
  close(program);
  CASE(0, munmap, page, page_size);
}

void unmaps() {
  char* const page = new_page(all);
  CASE(-EINVAL, munmap, page, 0);
  CASE(-EINVAL, munmap, page + 1, page_size);
  CASE(-EINVAL, munmap, page + 1, 0);
  CASE(-EINVAL, munmap, page, -1);
  CASE(-EINVAL, munmap, page, LONG_MIN);
  CASE(-EINVAL, munmap, page, LONG_MAX);
  CASE(-EINVAL, munmap, beyond, page_size);
  CASE(-EINVAL, munmap, LONG_MIN, page_size);
  CASE(0, munmap, page, 1);
  CASE(0, munmap, page, 1);
  CASE(0, munmap, nowhere, page_size);
}

void rights() {
  char* const page = (char*)mmap(nullptr, 3 * page_size, all, zeros, -1, 0);
  CASE(0, mprotect, page, 0, PROT_READ);
  CASE(0, mprotect, page, 1, PROT_READ);
  CASE(0, mprotect, page, page_size, all);
  CASE(-EINVAL, mprotect, page + 1, page_size, PROT_READ);
  CASE(-EINVAL, mprotect, page + 1, 0, PROT_READ);
  CASE(-EINVAL, mprotect, page, page_size, 0x10);
  CASE(0, mprotect, page, 0, 0x10);
  CASE(-EINVAL, mprotect, page + 1, 0, 0x10);
  CASE(0, mprotect, nowhere, 0, PROT_READ);
  CASE(0, mprotect, beyond, 0, PROT_READ);
  CASE(-ENOMEM, mprotect, nowhere, page_size, PROT_READ);
  CASE(-ENOMEM, mprotect, beyond, page_size, PROT_READ);
  CASE(-ENOMEM, mprotect, page, -1, PROT_READ);
  CASE(-ENOMEM, mprotect, page, -4096, PROT_READ);
  CASE(-ENOMEM, mprotect, page, LONG_MAX, PROT_READ);
  CASE(0, mprotect, page, page_size, PROT_READ | 8);
  CASE(-EINVAL, mprotect, page, page_size, PROT_READ | PROT_GROWSDOWN);
  CASE(0, munmap, page + page_size, page_size);
  CASE(-ENOMEM, mprotect, page, 3 * page_size, PROT_READ);
  CASE(-ENOMEM, mprotect, page + page_size, page_size, PROT_READ);
  CASE(0, munmap, page, 3 * page_size);
}

// A mapping that fails leaves the bytes at its address as they are.
void refusals() {
  constexpr size_t size = 4 << 20;
  char* const bytes = (char*)mmap(nullptr, size, all, zeros, -1, 0);
  memset(bytes, 'x', size);
  CASE(-EINVAL, mmap, bytes, size, all, zeros | MAP_FIXED, -1, 1);
  rlimit before;
  CASE(0, prlimit64, 0, RLIMIT_AS, 0, &before);
  const rlimit little{1 << 20, before.rlim_max};
  CASE(0, prlimit64, 0, RLIMIT_AS, &little, 0);
  CASE(-ENOMEM, mmap, bytes, size, all, zeros | MAP_FIXED, -1, 0);
  CASE(0, prlimit64, 0, RLIMIT_AS, &before, 0);
  VALUE('x', bytes[0]);
  VALUE('x', bytes[size - 1]);
  CASE((long)bytes, mmap, bytes, size, all, zeros | MAP_FIXED, -1, 0);
  VALUE(0, bytes[0]);
  CASE(0, munmap, bytes, size);
}

void advice() {
  char* const page = (char*)mmap(nullptr, 3 * page_size, all, zeros, -1, 0);
  CASE(0, madvise, page, 0, MADV_DONTNEED);
  CASE(0, madvise, page, 1, MADV_DONTNEED);
  CASE(0, madvise, nowhere, 0, MADV_DONTNEED);
  CASE(0, madvise, beyond, 0, MADV_DONTNEED);
  CASE(-EINVAL, madvise, page, page_size, -1);
  CASE(-EINVAL, madvise, page, page_size, 1000);
  CASE(-EINVAL, madvise, page, page_size, 5);
  CASE(-EINVAL, madvise, page, page_size, 6);
  CASE(-EINVAL, madvise, page, page_size, 7);
  CASE(-EINVAL, madvise, page, 0, 1000);
  CASE(-EINVAL, madvise, page + 1, page_size, MADV_DONTNEED);
  CASE(-EINVAL, madvise, page + 1, 0, MADV_DONTNEED);
  CASE(-EINVAL, madvise, page + 1, page_size, 1000);
  CASE(-EINVAL, madvise, page, -1, MADV_DONTNEED);
  CASE(-EINVAL, madvise, page, -8192, MADV_DONTNEED);
  CASE(-ENOMEM, madvise, nowhere, page_size, MADV_DONTNEED);
  CASE(-ENOMEM, madvise, nowhere, page_size, MADV_NORMAL);
  CASE(-ENOMEM, madvise, nowhere, page_size, MADV_WILLNEED);
  CASE(-ENOMEM, madvise, LONG_MIN, page_size, MADV_NORMAL);
  CASE(0, madvise, page, page_size, MADV_NORMAL);
  CASE(0, madvise, page, page_size, MADV_RANDOM);
  CASE(0, madvise, page, page_size, MADV_SEQUENTIAL);
  CASE(0, madvise, page, page_size, MADV_WILLNEED);
  CASE(0, munmap, page + page_size, page_size);
  CASE(-ENOMEM, madvise, page, 3 * page_size, MADV_DONTNEED);
  CASE(-ENOMEM, madvise, page, 3 * page_size, MADV_NORMAL);
  CASE(0, munmap, page, 3 * page_size);
}

void heap() {
  const long now = make(SYS_brk, 0);
  CASE(now, brk, 1);
  CASE(now, brk, -1);
  CASE(now, brk, beyond);
  CASE(now, brk, LONG_MAX);
  CASE(now + 1, brk, now + 1);
  CASE(now, brk, now);
}

}  // namespace

void memory() {
  maps();
  unmaps();
  rights();
  refusals();
  advice();
  heap();
}

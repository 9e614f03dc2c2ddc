// futex(2): the order in which a call checks its arguments, and words in pages of all kinds.
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "answers.h"

namespace {

constexpr int own = FUTEX_PRIVATE_FLAG;
constexpr int wall = FUTEX_CLOCK_REALTIME;
constexpr int unknown_command = 77;

const timespec no_time{0, 0};
const timespec bad_time{0, 1'000'000'000};
const timespec negative_time{-1, 0};

// The word is 0, and it lies in a page that the program may not write.
void read_only_page(char* word, int flag, long answer) {
  CASE(answer, futex, word, FUTEX_WAKE | flag, 1, 0, 0, 0);
  CASE(answer, futex, word, FUTEX_WAKE_BITSET | flag, 1, 0, 0, 1);
  CASE(answer, futex, word, FUTEX_REQUEUE | flag, 1, 1, word, 0);
  CASE(answer, futex, word, FUTEX_CMP_REQUEUE | flag, 1, 1, word, 0);
  CASE(answer == 0 ? -EAGAIN : answer, futex, word, FUTEX_CMP_REQUEUE | flag, 1, 1, word, 9);
  CASE(answer == 0 ? -EAGAIN : answer, futex, word, FUTEX_WAIT | flag, 9, 0, 0, 0);
  CASE(answer == 0 ? -ETIMEDOUT : answer, futex, word, FUTEX_WAIT | flag, 0, &no_time, 0, 0);
  CASE(answer == 0 ? -EAGAIN : answer, futex, word, FUTEX_WAIT_BITSET | flag, 9, 0, 0, 1);
  CASE(-EFAULT, futex, word, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
  CASE(-EFAULT, futex, word, FUTEX_TRYLOCK_PI | flag, 0, 0, 0, 0);
  CASE(-EPERM, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
}

void kinds_of_pages() {
  read_only_page(new_page(PROT_READ), own, 0);
  read_only_page(new_page(PROT_READ), 0, -EFAULT);
  read_only_page(new_page(PROT_READ, MAP_SHARED | MAP_ANONYMOUS), own, 0);
  read_only_page(new_page(PROT_READ, MAP_SHARED | MAP_ANONYMOUS), 0, 0);
  char* const zeros =
      (char*)mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  read_only_page(zeros, own, 0);
  read_only_page(zeros, 0, -EFAULT);

  const int program = open("/proc/self/exe", O_RDONLY);
  constexpr int zero_at = 8;  // the padding of an ELF identification
  char* const file = (char*)mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, program, 0) + zero_at;
  read_only_page(file, own, 0);
  read_only_page(file, 0, 0);
  char* const written =
      (char*)mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, program, 0);
  CASE(0, futex, written + zero_at, FUTEX_WAKE, 1, 0, 0, 0);
  written[0] = 1;
  mprotect(written, page_size, PROT_READ);
  read_only_page(written + zero_at, 0, -EFAULT);
  char* const shared = (char*)mmap(nullptr, page_size, PROT_READ, MAP_SHARED, program, 0) + zero_at;
  read_only_page(shared, 0, 0);
  close(program);

  char* const none = new_page(PROT_NONE);
  CASE(0, futex, none, FUTEX_WAKE | own, 1, 0, 0, 0);
  CASE(-EFAULT, futex, none, FUTEX_WAKE, 1, 0, 0, 0);
  CASE(-EFAULT, futex, none, FUTEX_WAIT, 0, &no_time, 0, 0);
  CASE(-EFAULT, futex, none, FUTEX_WAIT | own, 0, &no_time, 0, 0);
  CASE(-EFAULT, futex, none, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
  char* const none_shared = new_page(PROT_NONE, MAP_SHARED | MAP_ANONYMOUS);
  CASE(-EFAULT, futex, none_shared, FUTEX_WAKE, 1, 0, 0, 0);
  CASE(-EFAULT, futex, none_shared, FUTEX_WAIT, 0, &no_time, 0, 0);
}

void addresses() {
  char* const word = new_page(PROT_READ | PROT_WRITE);
  for (const int flag : {0, own}) {
    CASE(-EINVAL, futex, word + 1, FUTEX_WAKE | flag, 1, 0, 0, 0);
    CASE(-EINVAL, futex, word + 2, FUTEX_WAIT | flag, 0, &no_time, 0, 0);
    CASE(-EINVAL, futex, nowhere + 2, FUTEX_WAKE | flag, 1, 0, 0, 0);
    CASE(-EINVAL, futex, beyond + 2, FUTEX_WAKE | flag, 1, 0, 0, 0);
    CASE(-EINVAL, futex, word + 2, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EINVAL, futex, word + 2, FUTEX_TRYLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EINVAL, futex, word + 2, FUTEX_REQUEUE | flag, 1, 1, word, 0);
    CASE(-EINVAL, futex, word, FUTEX_REQUEUE | flag, 1, 1, word + 2, 0);
    CASE(-EFAULT, futex, beyond, FUTEX_WAKE | flag, 1, 0, 0, 0);
    CASE(-EFAULT, futex, beyond, FUTEX_WAIT | flag, 0, &no_time, 0, 0);
    CASE(-EFAULT, futex, beyond, FUTEX_WAKE_BITSET | flag, 1, 0, 0, 1);
    CASE(-EFAULT, futex, beyond, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EFAULT, futex, beyond, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EFAULT, futex, beyond, FUTEX_REQUEUE | flag, 1, 1, word, 0);
    CASE(-EFAULT, futex, word, FUTEX_REQUEUE | flag, 1, 1, beyond, 0);
    CASE(-EFAULT, futex, nowhere, FUTEX_WAIT | flag, 0, &no_time, 0, 0);
    CASE(-EFAULT, futex, nowhere, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EFAULT, futex, nowhere, FUTEX_TRYLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EFAULT, futex, nowhere, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EFAULT, futex, nowhere, FUTEX_CMP_REQUEUE | flag, 1, 1, word, 0);
  }
  CASE(-EFAULT, futex, nowhere, FUTEX_WAKE, 1, 0, 0, 0);
  CASE(-EFAULT, futex, nowhere, FUTEX_REQUEUE, 1, 1, word, 0);
  CASE(-EFAULT, futex, word, FUTEX_REQUEUE, 1, 1, nowhere, 0);
  CASE(0, futex, nowhere, FUTEX_WAKE | own, 1, 0, 0, 0);
  CASE(0, futex, nowhere, FUTEX_WAKE_BITSET | own, 1, 0, 0, 1);
  CASE(0, futex, nowhere, FUTEX_REQUEUE | own, 1, 1, word, 0);
  CASE(0, futex, word, FUTEX_REQUEUE | own, 1, 1, nowhere, 0);
}

// Which of two wrong arguments decides.
void order_of_checks() {
  char* const word = new_page(PROT_READ | PROT_WRITE);
  CASE(-EINVAL, futex, word, FUTEX_WAKE_BITSET, 1, 0, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_WAIT_BITSET, 0, 0, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_WAKE_BITSET, 1, 0, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_WAKE_BITSET | own, 1, 0, 0, 0);
  CASE(-EINVAL, futex, beyond, FUTEX_WAKE_BITSET, 1, 0, 0, 0);
  CASE(-EINVAL, futex, beyond, FUTEX_WAKE_BITSET | own, 1, 0, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_WAIT_BITSET, 0, 0, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_WAIT_BITSET, 0, &no_time, 0, 0);
  CASE(-EFAULT, futex, word, FUTEX_WAIT_BITSET, 0, nowhere, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_WAIT_BITSET, 0, &bad_time, 0, 0);
  CASE(-EFAULT, futex, word + 1, FUTEX_WAIT, 0, nowhere, 0, 0);
  CASE(-EFAULT, futex, word + 1, FUTEX_WAIT | own, 0, nowhere, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_WAIT, 0, &bad_time, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_WAIT | own, 0, &negative_time, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_WAIT, 9, &bad_time, 0, 0);
  CASE(-EAGAIN, futex, word, FUTEX_WAIT, 9, &no_time, 0, 0);
  CASE(-EAGAIN, futex, word, FUTEX_WAIT | own, 9, &no_time, 0, 0);
  CASE(-ETIMEDOUT, futex, word, FUTEX_WAIT, 0, &no_time, 0, 0);
  CASE(-ETIMEDOUT, futex, word, FUTEX_WAIT_BITSET, 0, &no_time, 0, 1);
  CASE(-ETIMEDOUT, futex, word, FUTEX_WAIT_BITSET | wall | own, 0, &no_time, 0, 1);
  CASE(-EFAULT, futex, word, FUTEX_LOCK_PI, 0, nowhere, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_LOCK_PI, 0, &bad_time, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_LOCK_PI, 0, &negative_time, 0, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_LOCK_PI2, 0, &bad_time, 0, 0);
  CASE(-EINVAL, futex, word, FUTEX_REQUEUE, -1, 1, word, 0);
  CASE(-EINVAL, futex, word, FUTEX_REQUEUE, 1, -1, word, 0);
  CASE(-EINVAL, futex, nowhere, FUTEX_REQUEUE, -1, 1, word, 0);
  CASE(-EINVAL, futex, beyond, FUTEX_REQUEUE | own, 1, -1, word, 0);
  CASE(-EINVAL, futex, word, FUTEX_CMP_REQUEUE, -1, 1, nowhere, 0);
  CASE(-EINVAL, futex, word, FUTEX_CMP_REQUEUE | own, 1, -1, word, 9);
  CASE(-EFAULT, futex, word, FUTEX_CMP_REQUEUE, 1, 1, nowhere, 9);
  CASE(-EAGAIN, futex, word, FUTEX_CMP_REQUEUE | own, 1, 1, nowhere, 9);
  CASE(0, futex, word, FUTEX_REQUEUE, 0, 0, word, 0);
  CASE(0, futex, word, FUTEX_WAKE, 0, 0, 0, 0);
  CASE(0, futex, word, FUTEX_WAKE, -1, 0, 0, 0);
  CASE(0, futex, word, FUTEX_WAKE | own, -1, nowhere, nowhere, 0);
}

void commands() {
  char* const word = new_page(PROT_READ | PROT_WRITE);
  for (const int flag : {0, own}) {
    CASE(-ENOSYS, futex, word, unknown_command | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word + 1, unknown_command | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, beyond, unknown_command | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, nowhere, unknown_command | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_FD | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_WAKE | wall | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word + 1, FUTEX_WAKE | wall | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_WAIT | wall | flag, 0, &no_time, 0, 0);
    CASE(-EFAULT, futex, word, FUTEX_WAIT | wall | flag, 0, nowhere, 0, 0);
    CASE(-EINVAL, futex, word, FUTEX_WAIT | wall | flag, 0, &bad_time, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_WAKE_BITSET | wall | flag, 1, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_REQUEUE | wall | flag, 1, 1, word, 0);
    CASE(-ENOSYS, futex, word, FUTEX_CMP_REQUEUE | wall | flag, 1, 1, word, 0);
    CASE(-ENOSYS, futex, word, FUTEX_LOCK_PI | wall | flag, 0, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_UNLOCK_PI | wall | flag, 0, 0, 0, 0);
    CASE(-ENOSYS, futex, word, FUTEX_TRYLOCK_PI | wall | flag, 0, 0, 0, 0);
  }
  CASE(-ENOSYS, futex, word, FUTEX_WAKE | 1 << 10, 1, 0, 0, 0);
}

void locks() {
  char* const page = new_page(PROT_READ | PROT_WRITE);
  uint32_t* const word = (uint32_t*)page;
  const uint32_t self = (uint32_t)syscall(SYS_gettid);
  constexpr uint32_t missing_thread = 0x3ffffffe;
  for (const int flag : {0, own}) {
    CASE(-EPERM, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EPERM, futex, page + 2, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    CASE(0, futex, word, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    VALUE(self, *word);
    CASE(-EDEADLK, futex, word, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    CASE(-EDEADLK, futex, word, FUTEX_LOCK_PI | flag, 0, &no_time, 0, 0);
    CASE(-EDEADLK, futex, word, FUTEX_TRYLOCK_PI | flag, 0, 0, 0, 0);
    CASE(0, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    VALUE(0, *word);
    CASE(0, futex, word, FUTEX_TRYLOCK_PI | flag, 0, nowhere, 0, 0);
    CASE(0, futex, word, FUTEX_UNLOCK_PI | flag, 0, nowhere, nowhere, 0);
    CASE(0, futex, word, FUTEX_LOCK_PI2 | wall | flag, 0, 0, 0, 0);
    CASE(0, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    *word = missing_thread;
    CASE(-EPERM, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    CASE(-ESRCH, futex, word, FUTEX_LOCK_PI | flag, 0, 0, 0, 0);
    CASE(-ESRCH, futex, word, FUTEX_TRYLOCK_PI | flag, 0, 0, 0, 0);
    *word = 0;
    // The word names the caller, and is at an odd address or in a read-only page.
    uint32_t* const odd = (uint32_t*)(page + 66);
    memcpy(odd, &self, sizeof self);
    CASE(-EINVAL, futex, odd, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    *word = self;
    mprotect(page, page_size, PROT_READ);
    CASE(-EFAULT, futex, word, FUTEX_UNLOCK_PI | flag, 0, 0, 0, 0);
    mprotect(page, page_size, PROT_READ | PROT_WRITE);
    *word = 0;
  }
}

// A thread that waits for a word.
void* wait(void* word) {
  syscall(SYS_futex, word, FUTEX_WAIT | own, 0, nullptr, nullptr, 0);
  return nullptr;
}
// Starts a waiter, and moves it to `to`, which shows that it waits.
pthread_t new_waiter(uint32_t* from, uint32_t* to) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, wait, from) != 0) _exit(2);
  while (syscall(SYS_futex, from, FUTEX_REQUEUE | own, 0, 1, to, 0) != 1) sched_yield();
  return thread;
}

// How many waiters a wake of `count` wakes.
void counts() {
  uint32_t from = 0, to = 0;
  for (const long count : {0L, -1L, (long)INT_MIN}) {
    for (const int command : {FUTEX_WAKE, FUTEX_WAKE_BITSET}) {
      const pthread_t one = new_waiter(&from, &to), other = new_waiter(&from, &to);
      CASE(1, futex, &to, command | own, count, 0, 0, 1);
      CASE(1, futex, &to, command | own, count, 0, 0, 1);
      CASE(0, futex, &to, command | own, count, 0, 0, 1);
      pthread_join(one, nullptr);
      pthread_join(other, nullptr);
    }
  }
  const pthread_t one = new_waiter(&from, &to);
  CASE(0, futex, &to, FUTEX_REQUEUE | own, 0, 0, &from, 0);
  CASE(1, futex, &to, FUTEX_REQUEUE | own, 1, 0, &from, 0);
  pthread_join(one, nullptr);
}

}  // namespace

void futexes() {
  counts();
  kinds_of_pages();
  addresses();
  order_of_checks();
  commands();
  locks();
}

// Clocks and sleeps.
#include <limits.h>
#include <time.h>

#include "answers.h"

namespace {

timespec time_read;
const timespec no_time{0, 0};
const timespec bad_time{0, 1'000'000'000};
const timespec negative_time{-1, 0};
const timespec negative_part{0, -1};
constexpr int clock_of_missing_process = ~5000000 << 3;  // a clock of a process that does not exist
constexpr int of_descriptor = ~0 << 3 | 3;

void clocks() {
  for (const int clock : {0, 1, 2, 3, 4, 5, 6, 7}) {
    CASE(0, clock_gettime, clock, &time_read);
    CASE(-EFAULT, clock_gettime, clock, nowhere);
    CASE(-EFAULT, clock_gettime, clock, 0);
    CASE(0, clock_getres, clock, &time_read);
    CASE(0, clock_getres, clock, 0);
    CASE(-EFAULT, clock_getres, clock, nowhere);
  }
  for (const int clock : {10, 12, 15, 16, 17, 1000, INT_MAX, clock_of_missing_process,
                          clock_of_missing_process | 4, -1, -5}) {
    CASE(-EINVAL, clock_gettime, clock, &time_read);
    CASE(-EINVAL, clock_gettime, clock, nowhere);
    CASE(-EINVAL, clock_getres, clock, &time_read);
    CASE(-EINVAL, clock_getres, clock, 0);
  }
  CASE(0, clock_gettime, -6, &time_read);
  CASE(0, clock_gettime, -2, &time_read);
  CASE(0, gettimeofday, 0, 0);
  CASE(-EFAULT, gettimeofday, nowhere, 0);
  CASE(-EFAULT, gettimeofday, beyond, 0);
}

void sleeps() {
  CASE(0, nanosleep, &no_time, 0);
  CASE(0, nanosleep, &no_time, nowhere);
  CASE(-EFAULT, nanosleep, nowhere, 0);
  CASE(-EFAULT, nanosleep, 0, 0);
  CASE(-EINVAL, nanosleep, &bad_time, 0);
  CASE(-EINVAL, nanosleep, &negative_time, 0);
  CASE(-EINVAL, nanosleep, &negative_part, nowhere);
  for (const int clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
    CASE(0, clock_nanosleep, clock, 0, &no_time, nowhere);
    CASE(0, clock_nanosleep, clock, TIMER_ABSTIME, &no_time, nowhere);
    CASE(0, clock_nanosleep, clock, TIMER_ABSTIME | 2, &no_time, nowhere);
    CASE(0, clock_nanosleep, clock, 2, &no_time, nowhere);
    CASE(-EFAULT, clock_nanosleep, clock, 0, nowhere, 0);
    CASE(-EINVAL, clock_nanosleep, clock, 0, &bad_time, 0);
    CASE(-EINVAL, clock_nanosleep, clock, TIMER_ABSTIME, &negative_time, 0);
  }
  CASE(-EOPNOTSUPP, clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &no_time, 0);
  CASE(-EOPNOTSUPP, clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, nowhere, 0);
  for (const int clock : {CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE}) {
    CASE(-EOPNOTSUPP, clock_nanosleep, clock, 0, &no_time, 0);
    CASE(-EOPNOTSUPP, clock_nanosleep, clock, 0, nowhere, 0);
  }
  for (const int clock : {10, 16, 1000}) {
    CASE(-EINVAL, clock_nanosleep, clock, 0, &no_time, 0);
    CASE(-EINVAL, clock_nanosleep, clock, 0, nowhere, 0);
  }
  for (const int own_thread : {-2, -8 * getpid() - 2}) {
    CASE(-EINVAL, clock_nanosleep, own_thread, 0, &no_time, 0);
    CASE(-EFAULT, clock_nanosleep, own_thread, 0, nowhere, 0);
  }
  CASE(-EOPNOTSUPP, clock_nanosleep, of_descriptor, 0, &no_time, 0);
  CASE(-EOPNOTSUPP, clock_nanosleep, of_descriptor, 0, nowhere, 0);
  CASE(-EINVAL, clock_nanosleep, clock_of_missing_process, 0, &no_time, 0);
  CASE(-EINVAL, clock_nanosleep, clock_of_missing_process, 0, &bad_time, 0);
  CASE(-EFAULT, clock_nanosleep, clock_of_missing_process, 0, nowhere, 0);
}

}  // namespace

void times() {
  clocks();
  sleeps();
}

// Policies, priorities and affinity.
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "answers.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

namespace {

constexpr int missing_id = 5000000;
const sched_param none{0};
const sched_param one{1};
const sched_param hundred{100};
sched_param read_back;

void policies() {
  CASE(0, sched_getscheduler, 0);
  CASE(-EINVAL, sched_getscheduler, -1);
  CASE(-ESRCH, sched_getscheduler, missing_id);
  CASE(0, sched_setscheduler, 0, SCHED_OTHER, &none);
  CASE(-EINVAL, sched_setscheduler, 0, SCHED_OTHER, &one);
  CASE(-EINVAL, sched_setscheduler, 0, SCHED_FIFO, &none);
  CASE(-EINVAL, sched_setscheduler, 0, SCHED_FIFO, &hundred);
  CASE(-EINVAL, sched_setscheduler, 0, 99, &none);
  CASE(-EINVAL, sched_setscheduler, 0, 4, &none);
  CASE(-EINVAL, sched_setscheduler, 0, -1, &none);
  CASE(-EINVAL, sched_setscheduler, 0, -1, nowhere);
  CASE(-EINVAL, sched_setscheduler, 0, SCHED_OTHER, 0);
  CASE(-EFAULT, sched_setscheduler, 0, SCHED_OTHER, nowhere);
  CASE(-EFAULT, sched_setscheduler, 0, 99, nowhere);
  CASE(-EINVAL, sched_setscheduler, -1, SCHED_OTHER, &none);
  CASE(-EINVAL, sched_setscheduler, -1, SCHED_OTHER, nowhere);
  CASE(-ESRCH, sched_setscheduler, missing_id, SCHED_OTHER, &none);
  CASE(-ESRCH, sched_setscheduler, missing_id, 99, &none);
  CASE(-EFAULT, sched_setscheduler, missing_id, SCHED_OTHER, nowhere);
  CASE(0, sched_setparam, 0, &none);
  CASE(-EINVAL, sched_setparam, 0, &one);
  CASE(-EINVAL, sched_setparam, 0, 0);
  CASE(-EFAULT, sched_setparam, 0, nowhere);
  CASE(-EINVAL, sched_setparam, -1, &none);
  CASE(-ESRCH, sched_setparam, missing_id, &none);
  CASE(0, sched_getparam, 0, &read_back);
  CASE(-EINVAL, sched_getparam, 0, 0);
  CASE(-EINVAL, sched_getparam, -1, &read_back);
  CASE(-EFAULT, sched_getparam, 0, nowhere);
  CASE(-ESRCH, sched_getparam, missing_id, &read_back);
  CASE(-ESRCH, sched_getparam, missing_id, nowhere);
  CASE(-EINVAL, sched_getparam, missing_id, 0);
}

void ranges() {
  for (const int policy : {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE}) {
    CASE(0, sched_get_priority_max, policy);
    CASE(0, sched_get_priority_min, policy);
  }
  for (const int policy : {SCHED_FIFO, SCHED_RR}) {
    CASE(99, sched_get_priority_max, policy);
    CASE(1, sched_get_priority_min, policy);
  }
  for (const int policy : {4, 8, 99, -1, INT_MIN, SCHED_FIFO | 0x40000000}) {
    CASE(-EINVAL, sched_get_priority_max, policy);
    CASE(-EINVAL, sched_get_priority_min, policy);
  }
  timespec slice;
  CASE(0, sched_rr_get_interval, 0, &slice);
  CASE(-EFAULT, sched_rr_get_interval, 0, nowhere);
  CASE(-EFAULT, sched_rr_get_interval, 0, 0);
  CASE(-EINVAL, sched_rr_get_interval, -1, &slice);
  CASE(-ESRCH, sched_rr_get_interval, missing_id, &slice);
  CASE(-ESRCH, sched_rr_get_interval, missing_id, nowhere);
}

// The kernel's structure, not the C library's.
struct Attributes {
  unsigned size, policy;
  unsigned long flags;
  int nice;
  unsigned priority;
  unsigned long runtime, deadline, period;
};

void attributes() {
  Attributes about{};
  about.size = sizeof about;
  CASE(0, sched_setattr, 0, &about, 0);
  CASE(-EINVAL, sched_setattr, 0, &about, 1);
  CASE(-EINVAL, sched_setattr, 0, 0, 0);
  CASE(-EINVAL, sched_setattr, -1, &about, 0);
  CASE(-EFAULT, sched_setattr, 0, nowhere, 0);
  CASE(-ESRCH, sched_setattr, missing_id, &about, 0);
  about.policy = 99;
  CASE(-EINVAL, sched_setattr, 0, &about, 0);
  CASE(-ESRCH, sched_setattr, missing_id, &about, 0);
  about.policy = -1u;
  CASE(-EINVAL, sched_setattr, missing_id, &about, 0);
  about.policy = 0;
  about.flags = 1ul << 40;
  CASE(-EINVAL, sched_setattr, 0, &about, 0);
  about.flags = 0;
  about.size = 40;
  CASE(-E2BIG, sched_setattr, 0, &about, 0);
  VALUE(56, about.size);
  about.size = 5000;
  CASE(-E2BIG, sched_setattr, 0, &about, 0);
  about.size = 0;
  CASE(0, sched_setattr, 0, &about, 0);
  CASE(0, sched_getattr, 0, &about, sizeof about, 0);
  CASE(-EINVAL, sched_getattr, 0, &about, 47, 0);
  CASE(-EINVAL, sched_getattr, 0, &about, 5000, 0);
  CASE(-EINVAL, sched_getattr, 0, &about, sizeof about, 1);
  CASE(-EINVAL, sched_getattr, 0, 0, sizeof about, 0);
  CASE(-EINVAL, sched_getattr, -1, &about, sizeof about, 0);
  CASE(-EFAULT, sched_getattr, 0, nowhere, sizeof about, 0);
  CASE(-ESRCH, sched_getattr, missing_id, &about, sizeof about, 0);
  CASE(-ESRCH, sched_getattr, missing_id, nowhere, sizeof about, 0);
}

void affinity() {
  unsigned long mask[16] = {};
  CASE(8, sched_getaffinity, 0, 8, mask);
  CASE(-EINVAL, sched_getaffinity, 0, 0, mask);
  CASE(-EINVAL, sched_getaffinity, 0, 4, mask);
  CASE(-EINVAL, sched_getaffinity, 0, 9, mask);
  CASE(-EINVAL, sched_getaffinity, missing_id, 9, nowhere);
  CASE(-EFAULT, sched_getaffinity, 0, 8, nowhere);
  CASE(-ESRCH, sched_getaffinity, missing_id, 8, mask);
  CASE(-ESRCH, sched_getaffinity, missing_id, 8, nowhere);
  CASE(-ESRCH, sched_getaffinity, -1, 8, mask);
  CASE(0, sched_setaffinity, 0, 8, mask);
  CASE(-EFAULT, sched_setaffinity, 0, 8, nowhere);
  CASE(-EFAULT, sched_setaffinity, missing_id, 8, nowhere);
  CASE(-ESRCH, sched_setaffinity, missing_id, 8, mask);
  CASE(-ESRCH, sched_setaffinity, -1, 8, mask);
  mask[0] = 0;
  CASE(-EINVAL, sched_setaffinity, 0, 8, mask);
  mask[0] = 1ul << 63;  // a hart that the machine does not have
  CASE(-EINVAL, sched_setaffinity, 0, 8, mask);
  mask[0] = 0;
  mask[1] = 1;
  CASE(-EINVAL, sched_setaffinity, 0, sizeof mask, mask);
  mask[0] = ~0ul;
  CASE(0, sched_setaffinity, 0, sizeof mask, mask);
  CASE(-EINVAL, sched_setaffinity, 0, 0, nowhere);
  CASE(-ESRCH, sched_setaffinity, missing_id, 8, mask);
  unsigned hart;
  CASE(0, getcpu, &hart, 0);
  CASE(0, getcpu, 0, 0);
  CASE(-EFAULT, getcpu, nowhere, 0);
  CASE(-EFAULT, getcpu, 0, nowhere);
}

void nice_values() {
  CASE(-EINVAL, getpriority, 3, 0);
  CASE(-EINVAL, getpriority, -1, 0);
  CASE(-ESRCH, getpriority, PRIO_PROCESS, missing_id);
  CASE(-ESRCH, getpriority, PRIO_PROCESS, -1);
  CASE(20, getpriority, PRIO_PROCESS, 0);
  CASE(-EINVAL, setpriority, 3, 0, 0);
  CASE(-EINVAL, setpriority, -1, missing_id, 0);
  CASE(-ESRCH, setpriority, PRIO_PROCESS, missing_id, 0);
  CASE(-ESRCH, setpriority, PRIO_PROCESS, -1, 0);
  CASE(0, setpriority, PRIO_PROCESS, 0, 1000);
  CASE(1, getpriority, PRIO_PROCESS, 0);
  CASE(0, setpriority, PRIO_PROCESS, 0, INT_MIN);
  CASE(40, getpriority, PRIO_PROCESS, 0);
  CASE(0, setpriority, PRIO_PROCESS, 0, 0);
}

// A real-time thread that computes without end leaves some time to an ordinary one.
void real_time_hog() {
  cpu_set_t before, one;
  sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  CASE(0, sched_setaffinity, 0, sizeof one, &one);
  for (const int policy : {SCHED_FIFO, SCHED_RR}) {
    const pid_t child = fork();
    if (child == 0) {
      const sched_param highest = {99};
      if (sched_setscheduler(0, policy, &highest) != 0) _exit(1);
      for (;;) asm volatile("");
    }
    pause_shortly();  // the child runs now
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    VALUE(SIGKILL, status);
  }
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace

void scheduling() {
  policies();
  ranges();
  attributes();
  affinity();
  nice_values();
  real_time_hog();
  CASE(0, sched_yield);
}

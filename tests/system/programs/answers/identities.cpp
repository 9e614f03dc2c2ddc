// Numbers of processes, names of the system, limits, accounts and random bytes.
#include <limits.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "answers.h"

namespace {

constexpr int missing_id = 5000000;

void numbers() {
  CASE(0, getuid);
  CASE(0, geteuid);
  CASE(0, getgid);
  CASE(0, getegid);
  CASE(-ESRCH, getpgid, missing_id);
  CASE(-ESRCH, getpgid, -1);
  CASE(-ESRCH, getsid, missing_id);
  CASE(-ESRCH, getsid, -1);
  CASE(-EINVAL, setpgid, 0, -1);
  CASE(-EINVAL, setpgid, missing_id, -1);
  CASE(-ESRCH, setpgid, missing_id, 0);
  CASE(-EINVAL, setpgid, -1, 0);
}

void system() {
  CASE(-EFAULT, uname, nowhere);
  CASE(-EFAULT, uname, 0);
  CASE(-EFAULT, sysinfo, nowhere);
  CASE(-EFAULT, sysinfo, 0);
  struct sysinfo about;
  CASE(0, sysinfo, &about);
}

void limits() {
  rlimit now;
  const rlimit crossed{20, 10};
  const rlimit vast{1024, RLIM_INFINITY};
  CASE(0, prlimit64, 0, RLIMIT_NOFILE, 0, &now);
  CASE(0, prlimit64, 0, RLIMIT_NOFILE, 0, 0);
  CASE(0, prlimit64, 0, RLIMIT_CORE, 0, &now);
  CASE(0, prlimit64, getpid(), RLIMIT_STACK, 0, &now);
  CASE(-EPERM, prlimit64, 0, RLIMIT_NOFILE, &vast, &now);
  CASE(-EINVAL, prlimit64, 0, 16, 0, &now);
  CASE(-EINVAL, prlimit64, 0, -1, 0, &now);
  CASE(-EINVAL, prlimit64, 0, 16, 0, 0);
  CASE(-EFAULT, prlimit64, 0, RLIMIT_NOFILE, nowhere, 0);
  CASE(-EFAULT, prlimit64, 0, RLIMIT_NOFILE, 0, nowhere);
  CASE(-EFAULT, prlimit64, 0, 16, nowhere, 0);
  CASE(-EFAULT, prlimit64, missing_id, RLIMIT_NOFILE, nowhere, 0);
  CASE(-ESRCH, prlimit64, missing_id, RLIMIT_NOFILE, 0, &now);
  CASE(-ESRCH, prlimit64, missing_id, 16, 0, &now);
  CASE(-ESRCH, prlimit64, -1, RLIMIT_NOFILE, 0, &now);
  CASE(-EINVAL, prlimit64, 0, RLIMIT_NOFILE, &crossed, 0);
  CASE(-EINVAL, prlimit64, 0, 16, &crossed, 0);
  CASE(-EINVAL, prlimit64, 0, RLIMIT_NOFILE, &crossed, nowhere);
  const rlimit few{100, 200};
  CASE(-EFAULT, prlimit64, 0, RLIMIT_CORE, &few, nowhere);
  CASE(0, prlimit64, 0, RLIMIT_CORE, 0, &now);
  VALUE(100, now.rlim_cur);
}

void accounts() {
  rusage usage;
  CASE(0, getrusage, RUSAGE_SELF, &usage);
  CASE(0, getrusage, RUSAGE_CHILDREN, &usage);
  CASE(0, getrusage, RUSAGE_THREAD, &usage);
  CASE(-EINVAL, getrusage, 2, &usage);
  CASE(-EINVAL, getrusage, -2, &usage);
  CASE(-EINVAL, getrusage, -2, nowhere);
  CASE(-EFAULT, getrusage, RUSAGE_SELF, nowhere);
  CASE(-EFAULT, getrusage, RUSAGE_SELF, 0);
}

void random_bytes() {
  char bytes[64];
  CASE(0, getrandom, bytes, 0, 0);
  CASE(0, getrandom, nowhere, 0, 0);
  CASE(-EFAULT, getrandom, beyond, 0, 0);
  CASE(16, getrandom, bytes, 16, 0);
  CASE(16, getrandom, bytes, 16, GRND_NONBLOCK | GRND_RANDOM);
  CASE(16, getrandom, bytes, 16, 4);
  CASE(16, getrandom, new_page(PROT_READ | PROT_WRITE) + page_size - 16, -1, 0);
  CASE(-EFAULT, getrandom, nowhere, 16, 0);
  CASE(-EFAULT, getrandom, beyond, 16, 0);
  CASE(-EINVAL, getrandom, bytes, 16, 8);
  CASE(-EINVAL, getrandom, bytes, 0, 8);
  CASE(-EINVAL, getrandom, nowhere, 16, 8);
  CASE(-EINVAL, getrandom, bytes, 16, GRND_RANDOM | 4);
  CASE(-EINVAL, getrandom, bytes, 16, -1);
}

}  // namespace

void identities() {
  numbers();
  system();
  limits();
  accounts();
  random_bytes();
}

// What a shell does for ^Z, `fg` and ^C: it stops a job, continues it and ends it, by signals to
// the job's process group, and learns of each change by wait4. The job counts in shared memory.
#include <user/calls.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/process.h>

#include <atomic>
#include <new>

COTRAP_DEMO(.description = "a stopped job does not run, and continues where it was");

using namespace user;

namespace {

using Count = std::atomic<unsigned long>;

void pass_time() {
  const abi::Timespec time{.seconds = 0, .nanoseconds = 20'000'000};
  syscall(Call::nanosleep, &time, nullptr);
}

void expect(Pid job, bool (abi::WaitStatus::*has_changed)() const, std::string_view what) {
  const auto change = must(wait(job, abi::wuntraced | abi::wcontinued), "wait4");
  check((change.status.*has_changed)(), "wait4 reports that the job {}", what);
  println("wait4: the job {}", what);
}

void expect_progress(const Count& count, std::string_view what) {
  const auto before = count.load();
  while (count.load() == before) pass_time();
  println("it counts {}", what);
}

}  // namespace

int main() {
  const long shared = syscall(Call::mmap, nullptr, page_size, abi::prot_read | abi::prot_write,
                              abi::map_shared | abi::map_anonymous, -1, 0);
  check(shared > 0, "shared memory");
  auto& count = *new (reinterpret_cast<void*>(shared)) Count{0};
  const auto job = fork();
  if (!job && job.error() == Errno::enosys) {
    println("skipped: needs an MMU");
    return 0;
  }
  check(job.has_value(), "fork() works");
  if (*job == 0) {
    syscall(Call::setpgid, 0, 0);
    for (;;) ++count;
  }
  syscall(Call::setpgid, *job, *job);

  expect_progress(count, "after its start");
  must(kill_group(*job, abi::Signal::sigtstp), "SIGTSTP");
  expect(*job, &abi::WaitStatus::has_stopped, "has stopped");
  const auto stopped_at = count.load();
  for (int i = 0; i < 5; ++i) pass_time();
  check(count.load() == stopped_at, "a stopped job does not count");
  println("it does not count while it is stopped");
  must(kill_group(*job, abi::Signal::sigcont), "SIGCONT");
  expect(*job, &abi::WaitStatus::has_continued, "continues");
  expect_progress(count, "from where it was");
  check(count.load() > stopped_at, "the count goes on");
  must(kill_group(*job, abi::Signal::sigint), "SIGINT");
  expect(*job, &abi::WaitStatus::was_killed, "has been killed by SIGINT");
  return 0;
}

// Notifications from another program and from a device reach a program's handler. The program may
// sleep or compute at that time; no signal and no kernel coroutine is involved. A more urgent
// coroutine can preempt the computation. A program can mask notifications, and the kernel merges
// those that are still pending.
#include <user/async.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/files.h>
#include <user/process.h>

#include <array>
#include <atomic>
#include <bit>

COTRAP_DEMO(.description = "a program and a disk notify a program that sleeps or computes",
            .disk = true);

using namespace user;
using async::Task;

namespace {

enum Event : std::uint64_t {
  wake_up = 1,
  stop_computing = 2,
  many = 4,
  disk_is_done = 8,
  urgent_work = 16
};

constexpr int sent_while_masked = 100;

std::atomic<std::uint64_t> handled = 0;  // all bits that the handler has seen
std::atomic<int> calls = 0;

void handle(std::uint64_t bits) {
  handled |= bits;
  ++calls;
}

// ── The receiver ──

void say(std::string_view word) {
  check(write(standard_output, word) == word.size(), "the receiver writes to the sender");
}

// Computes in a single step, without a system call: no other coroutine of this thread runs.
void compute_until_told() {
  while ((handled & stop_computing) == 0) {
  }
}

Task<> work_urgently(std::atomic<bool>& done) {
  check(co_await notified(urgent_work) == urgent_work, "the urgent coroutine gets its bits");
  done = true;
}

// In one step, which only a more urgent coroutine ends.
Task<> be_preempted() {
  std::atomic<bool> done = false;
  auto urgent = async::spawn(work_urgently(done), {.priority = 0});
  co_await async::yield();
  say("p");  // announces: computing, and may be preempted
  preemptible([&] {
    while (!done) {
    }
  });
  co_await std::move(urgent);
  check(upcall_counts().preemptions == 1, "the urgent coroutine preempts the computing one");
}

Task<> receive() {
  say("a");  // announces: asleep
  check(co_await notified() == wake_up, "a notification wakes a coroutine that sleeps");
  say("c");  // announces: computing
  compute_until_told();
  check(co_await notified() == stop_computing, "coroutines get the bits that the handler got");

  co_await be_preempted();

  mask_notifications(many);
  const int before = calls;
  say("m");  // announces: masked
  while (upcall_counts().notifications < 3 + sent_while_masked) co_await async::sleep_for(1ms);
  check(calls == before, "the handler gets no masked notification");
  mask_notifications(0);
  check(co_await notified() == many && calls == before + 1, "{} masked notifications arrive as one",
        sent_while_masked);

  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  must(notify_when(disk, disk_is_done), "requesting the disk's notifications");
  std::array<std::byte, 512> sector;
  const auto [read, bits] = co_await async::when_all(sys::read_at(disk, sector, 0), notified());
  check(read == sector.size() && bits == disk_is_done, "the disk's interrupt notifies the program");
  must(notify_when(disk, 0), "stopping the disk's notifications");

  const auto counts = upcall_counts();
  println("{} notifications: the handler was called {} times, {} of them in the middle of a step",
          counts.notifications, calls.load(), counts.interruptions);
  println("{} of these let an urgent coroutine run before the interrupted one", counts.preemptions);
  check(counts.interruptions > 0, "a notification interrupts a step that computes");
}

// ── The sender ──

char hear(Fd from) {
  char word = 0;
  check(read(from, std::as_writable_bytes(std::span{&word, 1})) == 1, "the receiver answers");
  return word;
}

void notify_receiver(Pid whom, Event event) {
  must(notify(whom, event), "notify");
}

int send() {
  const auto words = must(make_pipe(), "a pipe");
  const char* const arguments[] = {program_path(), "receiver", nullptr};
  const std::array fds{FdMapping{standard_output, standard_error},
                       FdMapping{words.write_end, standard_output}};
  const Pid receiver =
      must(spawn(program_path(), arguments, {.fds = fds}), "starting the receiver");
  must(close(words.write_end), "closing");
  check(hear(words.read_end) == 'a', "the receiver is about to sleep");
  sleep_for(5ms).value();
  notify_receiver(receiver, wake_up);
  check(hear(words.read_end) == 'c', "the receiver is about to compute");
  sleep_for(5ms).value();
  notify_receiver(receiver, stop_computing);
  check(hear(words.read_end) == 'p', "the receiver is about to compute and allows preemption");
  sleep_for(5ms).value();
  notify_receiver(receiver, urgent_work);
  check(hear(words.read_end) == 'm', "the receiver masks notifications");
  for (int i = 0; i < sent_while_masked; ++i) notify_receiver(receiver, many);
  std::array<std::byte, 256> text;
  while (const auto size = must(read(words.read_end, text), "reading the receiver's output")) {
    must(write(standard_output, std::span{text}.first(size)), "printing the receiver's output");
  }
  const auto ended = must(wait(receiver), "wait");
  check(!notify(receiver, wake_up), "notify() fails for a program that has ended");
  return ended.status.exit_code();
}

}  // namespace

int main(int argc, char**) {
  if (argc == 1) return send();
  run(receive(), {.on_notification = handle});
}

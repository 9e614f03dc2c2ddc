// Events for a program's own handler: from another program, and from a device. They reach it asleep
// or in the midst of computing, without a signal and without a kernel coroutine in between; they
// can be masked, and many that it has not seen are one.
#include <user/async.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>

#include <array>
#include <atomic>
#include <bit>

using namespace user;
using async::Task;

namespace {

enum Event : std::uint64_t { wake_up = 1, stop_computing = 2, many = 4, disk_is_done = 8 };

constexpr int sent_while_masked = 100;

std::atomic<std::uint64_t> handled = 0;  // bits, so far
std::atomic<int> calls = 0;

void handle(std::uint64_t bits) {
  handled |= bits;
  ++calls;
}

// ── Who is told ──

void say(std::string_view word) {
  check(write(standard_output, word) == word.size(), "the sender is told");
}

// In one step: nobody else of this thread runs, and no call is made.
void compute_until_told() {
  while ((handled & stop_computing) == 0) {
  }
}

Task<> receive() {
  say("a");  // asleep
  check(co_await notified() == wake_up, "one that sleeps is woken");
  say("c");  // computing
  compute_until_told();
  check(co_await notified() == stop_computing, "and what the handler has seen, coroutines see");

  mask_notifications(many);
  const int before = calls;
  say("m");  // masked
  while (upcall_counts().notifications < 2 + sent_while_masked) co_await async::sleep_for(1ms);
  check(calls == before, "what is masked is not told");
  mask_notifications(0);
  check(co_await notified() == many && calls == before + 1, "{} that came meanwhile are one",
        sent_while_masked);

  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  must(notify_when(disk, disk_is_done), "the disk's interrupts");
  std::array<std::byte, 512> sector;
  const auto [read, bits] = co_await async::when_all(sys::read_at(disk, sector, 0), notified());
  check(read == sector.size() && bits == disk_is_done, "a device tells it, too");
  must(notify_when(disk, 0), "no more of them");

  const auto counts = upcall_counts();
  println("{} notifications: the handler was called {} times, {} of them in the midst of a step",
          counts.notifications, calls.load(), counts.interruptions);
  check(counts.interruptions > 0, "computing is interrupted");
}

// ── Who tells ──

char hear(Fd from) {
  char word = 0;
  check(read(from, std::as_writable_bytes(std::span{&word, 1})) == 1, "the other program answers");
  return word;
}

void tell(Pid whom, Event event) {
  must(notify(whom, event), "telling");
}

int send() {
  const auto words = must(make_pipe(), "a pipe");
  const char* const arguments[] = {program_path(), "receiver", nullptr};
  const std::array fds{FdMapping{standard_output, standard_error},
                       FdMapping{words.write_end, standard_output}};
  const Pid receiver = must(spawn(program_path(), arguments, {.fds = fds}), "the other program");
  must(close(words.write_end), "closing");
  check(hear(words.read_end) == 'a', "it sleeps");
  sleep_for(5ms).value();
  tell(receiver, wake_up);
  check(hear(words.read_end) == 'c', "it computes");
  sleep_for(5ms).value();
  tell(receiver, stop_computing);
  check(hear(words.read_end) == 'm', "it has masked what comes now");
  for (int i = 0; i < sent_while_masked; ++i) tell(receiver, many);
  std::array<std::byte, 256> text;
  while (const auto size = must(read(words.read_end, text), "what it has to tell")) {
    must(write(standard_output, std::span{text}.first(size)), "telling it");
  }
  const auto ended = must(wait(receiver), "wait");
  check(!notify(receiver, wake_up), "a program that has ended is not told");
  return ended.status.exit_code();
}

}  // namespace

int main(int argc, char**) {
  if (argc == 1) return send();
  run(receive(), {.on_notification = handle});
}

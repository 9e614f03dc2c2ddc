// Two processes send a number back and forth through two pipes; each adds one.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/process.h>

#include <string_view>

COTRAP_DEMO(.description = "two processes send a number back and forth through two pipes");

using namespace user;

namespace {

constexpr long rounds = 2'000;

Result<std::size_t> receive(long& number) {
  return read(standard_input, std::as_writable_bytes(std::span{&number, 1}));
}
void send(Fd fd, const long& number) {
  must(write(fd, std::as_bytes(std::span{&number, 1})), "writing");
}

// The other process; its standard input and output are the pipes. Ends at the end of input.
int pong() {
  long number;
  while (must(receive(number), "reading") == sizeof number) send(standard_output, number + 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view{argv[1]} == "pong") return pong();

  const auto there = must(make_pipe(abi::o_cloexec), "a pipe");
  const auto back = must(make_pipe(abi::o_cloexec), "a pipe");
  const char* const arguments[] = {"pingpong", "pong", nullptr};
  const FdMapping fds[] = {{there.read_end, standard_input}, {back.write_end, standard_output}};
  const Pid child =
      must(spawn(program_path(), arguments, {.fds = fds}), "starting the other process");
  must(close(there.read_end), "closing");
  must(close(back.write_end), "closing");
  must(dup_to(back.read_end, standard_input), "dup3");

  long number = 0;
  const auto begin = now();
  for (long i = 0; i < rounds; ++i) {
    send(there.write_end, number + 1);
    check(must(receive(number), "reading") == sizeof number, "the other process answers");
    check(number == 2 * (i + 1), "round {}: the answer is {}, not {}", i, number, 2 * (i + 1));
  }
  const auto taken = now() - begin;

  must(close(there.write_end), "closing");
  const auto ended = must(wait(child), "waiting");
  check(ended.status.has_exited() && ended.status.exit_code() == 0,
        "the other process exits with 0");
  println("{} round trips between processes {} and {}, {:.2f} us each", rounds, process_id(), child,
          microseconds(taken) / rounds);
  return 0;
}

#include "runtime.h"

#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace user;

namespace {

thread_local long of_its_own = 5;

}  // namespace

void runtime::files() {
  const auto pipe = must(make_pipe(), "a pipe");
  must(write_all(pipe.write_end, "one\n\nthree\nno end"), "writing");
  must(close(pipe.write_end), "closing");
  LineReader lines{pipe.read_end};
  for (const std::string_view expected : {"one", "", "three", "no end"}) {
    const auto line = lines.next();
    check(line && *line == expected, "the line is `{}`", expected);
  }
  check(!lines.next() && !lines.error(), "there is no further line");
  check(!open("/no/such/file"), "a missing file is not opened");
  check(!is_terminal(pipe.read_end), "a pipe is no terminal");
  const auto root = must(list_directory("/"), "the root");
  check(std::ranges::contains(root, "bin", &DirectoryItem::name), "the root has a directory bin");

  std::array<abi::PollFd, 1> fds{
      {{.fd = must(make_pipe(), "a pipe").read_end, .events = abi::pollin}}};
  const auto begin = now();
  check(must(poll(fds, 10ms), "poll") == 0 && now() - begin >= 10ms, "poll times out");
  println("files: lines, folders, poll");
}

void runtime::processes() {
  const char* const arguments[] = {"runtime", "child", "a b", nullptr};
  char variable[] = "VARIABLE=value";
  const auto pipe = must(make_pipe(abi::o_cloexec), "a pipe");
  std::string closed = format("CLOSED={}", pipe.read_end);
  char* const environment[] = {variable, closed.data(), nullptr};
  const FdMapping fds[] = {{pipe.write_end, standard_output}};
  const Pid child =
      must(spawn(program_path(), arguments, {.fds = fds, .environment = environment}), "a child");
  must(close(pipe.write_end), "closing");
  check(must(read_all(pipe.read_end), "reading") == "a b value 5\n",
        "the child has its arguments, environment and descriptors");
  check(must(wait(child), "waiting").status.exit_code() == 42, "its exit code arrives");
  check(!wait(child), "a second wait fails");
  check(!spawn("/no/such/program", arguments), "a missing program is not started");

  const auto heavy = fork();
  if (!heavy && heavy.error() == Errno::enosys) {
    println("processes: all except fork, which needs an MMU");
    return;
  }
  check(heavy.has_value(), "fork works");
  if (*heavy == 0) {  // execve from a process with much memory
    std::vector<char> memory(16 << 20, 'x');
    const char* const plain[] = {"runtime", "child", "a b", nullptr};
    syscall(Call::execve, program_path(), plain, environment);
    fail("execve");
  }
  check(must(wait(*heavy), "waiting").status.exit_code() == 42,
        "the executed program ends with its exit code");
  println("processes: arguments, environment, descriptors, exit code, another program");
}

// pick_argument() is answered at once, on the fast path where the machine has one. The other call
// has no fast path: it waits in a coroutine. Only the test kernel has them.
void runtime::seven_arguments() {
  if (syscall(abi::pick_argument, 0) == -static_cast<long>(abi::Errno::enosys)) {
    println("system calls: six arguments, as this is not the test kernel");
    return;
  }
  for (const auto number : {abi::pick_argument, abi::pick_argument_later}) {
    for (long which = 0; which < 7; ++which) {
      const long expected = which == 0 ? 0 : which * 0x1234'5678'9abc;
      const long picked =
          syscall(number, which, 1 * 0x1234'5678'9abc, 2 * 0x1234'5678'9abc, 3 * 0x1234'5678'9abc,
                  4 * 0x1234'5678'9abc, 5 * 0x1234'5678'9abc, 6 * 0x1234'5678'9abc);
      check(picked == expected, "argument {} of 7 is {:#x}, not {:#x}", which, expected, picked);
    }
    check(syscall(number, 7, 1, 2, 3, 4, 5, 6) == -static_cast<long>(abi::Errno::einval),
          "there is no eighth argument");
  }
  println("system calls: seven arguments, at once and after a wait");
}

int runtime::child(const char* argument) {
  const char* const value = environment_value("VARIABLE");
  const char* const closed = environment_value("CLOSED");
  const auto flags = call<int>(Call::fcntl, std::atoi(closed ? closed : "0"), abi::f_getfd);
  check(!flags && flags.error() == Errno::ebadf, "execve closes descriptors with close-on-exec");
  println("{} {} {}", argument, value ? value : "none", of_its_own);
  return 42;
}

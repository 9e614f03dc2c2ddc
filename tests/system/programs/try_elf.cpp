// try-elf FOLDER|FILE… [--kill FOLDER|FILE…]: executes each file, valid or broken, and prints the
// outcome of each on a line:
//
//   NAME <TAB> ENOEXEC | exit CODE | SIGSEGV | still running
//
// Kills files behind --kill that still run after a while. The test is that this program ends, with
// exit code 0.
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>

#include <string>
#include <string_view>

using namespace user;

namespace {

constexpr auto time_limit = 200ms;

std::string describe(abi::WaitStatus status) {
  if (status.has_exited()) return format("exit {}", status.exit_code());
  return "SIG" + std::string{abi::name(status.signal())};
}

std::string outcome(const char* path, bool may_kill) {
  const char* const arguments[] = {path, nullptr};
  const Fd nothing = must(open("/dev/null", abi::o_rdwr), "/dev/null");
  const FdMapping fds[] = {{nothing, 0}, {nothing, 1}, {nothing, 2}};
  const auto child = spawn(path, arguments, {.fds = fds});
  must(close(nothing), "closing");
  if (!child) return std::string{abi::name(child.error())};

  if (!may_kill) return describe(must(wait(*child), "waiting").status);
  const auto deadline = now() + time_limit;
  for (;;) {
    const auto ended = must(wait(*child, abi::wnohang), "waiting");
    if (ended.pid == *child) return describe(ended.status);
    if (now() > deadline) break;
    must(sleep_for(500us), "sleeping");
  }
  must(kill(*child, abi::Signal::sigkill), "kill");
  must(wait(*child), "waiting");
  return "still running";
}

}  // namespace

int main(int argc, char** argv) {
  int tried = 0;
  bool may_kill = false;
  const auto try_one = [&](const std::string& path) {
    println("{}\t{}", path, outcome(path.c_str(), may_kill));
    ++tried;
  };
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == std::string_view{"--kill"}) {
      may_kill = true;
    } else if (const auto items = list_directory(argv[i])) {
      for (const auto& item : *items) try_one(std::string{argv[i]} + "/" + item.name);
    } else {
      try_one(argv[i]);
    }
  }
  println("{} files tried", tried);
  return 0;
}

// The directories /proc/PID, and the counted system calls in them (docs/reference/proc.md).
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "harts.h"

namespace harts {
namespace {

std::string directory_of(Pid process) {
  return format("/proc/{}", process);
}
std::string calls_of(Pid process) {
  return format("/proc/{}/syscalls", process);
}

void count_calls(std::string_view word) {
  const Fd file = must(open("/proc/syscalls", abi::o_wronly), "/proc/syscalls");
  must(write_all(file, word), "switching the count");
  must(close(file), "closing");
}

bool is_waiting(Pid process) {
  const std::string text = must(read_file("/proc/processes"), "/proc/processes");
  const std::size_t line = text.find(format("\n{}\t", process));
  if (line == std::string::npos) return false;
  return text.substr(line, text.find('\n', line + 1) - line).contains("\tS\t");
}

/// `cat`, which has passed on one byte and waits for the next.
class Cat {
 public:
  Cat() {
    const char* const arguments[] = {"cat", nullptr};
    const FdMapping ends[] = {{to_.read_end, standard_input}, {from_.write_end, standard_output}};
    const Fd others[] = {to_.write_end, from_.read_end};
    process = must(spawn("/bin/cat", arguments, {.fds = ends, .close = others}), "cat");
    must(write_all(to_.write_end, "x"), "writing");
    char byte;
    check(must(read(from_.read_end, std::as_writable_bytes(std::span{&byte, 1})), "reading") == 1,
          "cat passes no byte on");
    await("to wait", [&] { return is_waiting(process); });
  }
  ~Cat() {
    for (const Fd end : {to_.read_end, to_.write_end, from_.read_end, from_.write_end})
      must(close(end), "closing");
  }
  Cat(const Cat&) = delete;

  void kill() { must(user::kill(process, abi::Signal::sigkill), "killing"); }
  void reap() { must(wait(process), "waiting"); }

  Pid process;

 private:
  Pipe to_ = must(make_pipe(), "a pipe"), from_ = must(make_pipe(), "a pipe");
};

std::string working_directory() {
  std::array<char, 256> text;
  const long size = syscall(Call::getcwd, text.data(), text.size());
  if (size < 0) return format("{}", size);
  return std::string{text.data(), static_cast<std::size_t>(size) - 1};
}

/// The result of getdents64(the working directory), as text: its bytes, or its negative error.
std::string listed() {
  const Fd here = must(open(".", abi::o_directory), "the working directory");
  std::array<char, 512> buffer;
  const long size = syscall(Call::getdents64, here, buffer.data(), buffer.size());
  must(close(here), "closing");
  if (size < 0) return format("{}", size);
  return std::string{buffer.data(), static_cast<std::size_t>(size)};
}

/// A process ends, and is reaped, while its directory is this process's working directory.
void outlive_process() {
  Cat cat;
  must(change_directory(directory_of(cat.process).c_str()), "chdir");
  check(working_directory() == directory_of(cat.process), "{}", working_directory());
  check(listed().contains("syscalls"), "the directory has no file");
  must(read_file("syscalls"), "the file");
  must(read_file("../version"), "a file of the parent");
  cat.kill();
  await("to count the call", [&] {
    const std::string text = must(read_file("syscalls"), "the file");
    const std::size_t end = text.find("\tread\n");
    if (end == std::string::npos) return false;
    const std::size_t line = text.rfind('\n', end) + 1;
    return text.substr(line, end - line).starts_with(format("{}\t0\t2\t", cat.process));
  });
  cat.reap();
  check(working_directory() == format("{}", error(Errno::enoent)), "{}", working_directory());
  check(listed() == format("{}", error(Errno::enoent)), "{}", listed());
  const auto gone = [](const char* path) {
    const auto text = read_file(path);
    check(!text && text.error() == Errno::enoent, "{} exists", path);
  };
  gone("syscalls");
  gone("../version");
  gone(calls_of(cat.process).c_str());
  must(change_directory("/"), "chdir");
}

/// Calls that look up two directories or more at a time, while processes begin and end.
void look_up(const std::vector<std::atomic<Pid>>& newest, const std::atomic<bool>& stop) {
  std::array<std::byte, 256> status;
  for (unsigned i = 0; !stop; ++i) {
    const Pid one = newest[i % newest.size()], other = newest[(i + 1) % newest.size()];
    const std::string from = calls_of(one), to = calls_of(other) + ".new";
    const long renamed =
        syscall(Call::renameat2, abi::at_fdcwd, from.c_str(), abi::at_fdcwd, to.c_str(), 0);
    check(renamed == error(Errno::erofs) || renamed == error(Errno::enoent), "{}", renamed);
    const std::string around = format("/proc/{}/../{}/../{}/syscalls", one, other, one);
    (void)syscall(Call::newfstatat, abi::at_fdcwd, around.c_str(), status.data(), 0);
    const long removed =
        syscall(Call::unlinkat, abi::at_fdcwd, directory_of(other).c_str(), abi::at_removedir);
    check(removed == error(Errno::erofs) || removed == error(Errno::enoent), "{}", removed);
    const auto text = read_file(from.c_str());
    check(text ? text->starts_with("pid\t") : text.error() == Errno::enoent, "{}", from);
    const auto items = list_directory(directory_of(other).c_str());
    check(items || items.error() == Errno::enoent, "listing {}", other);
  }
}

/// Many threads have more counts than one list has room for.
void cut_off() {
  constexpr unsigned others = 100;
  std::atomic<unsigned> ready = 0;
  std::atomic<bool> stop = false;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < others; ++i) {
    threads.emplace_back([&] {
      for (const Call each : {Call::getpid, Call::getppid, Call::gettid, Call::getuid,
                              Call::geteuid, Call::getgid, Call::getegid})
        (void)syscall(each);
      ++ready;
      while (!stop) must(sleep_for(std::chrono::milliseconds{1}), "sleeping");
    });
  }
  await("to make calls", [&] { return ready == others; });
  const std::string own = calls_of(static_cast<Pid>(syscall(Call::getpid)));
  for (const char* const path : {own.c_str(), "/proc/syscalls"}) {
    const std::string text = must(read_file(path), path);
    check(text.size() < 15'200, "{} has {} bytes", path, text.size());
    check(text.ends_with("(and more)\n"), "{} is not cut off: {} bytes", path, text.size());
  }
  stop = true;
}

void use_directories() {
  count_calls("on");
  cut_off();
  std::vector<std::atomic<Pid>> newest(4);
  std::atomic<bool> stop = false;
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart) {
      threads.emplace_back([&, hart] {
        move_to(hart);
        look_up(newest, stop);
      });
    }
    for (unsigned round = 0; round < 3; ++round) {
      std::vector<std::unique_ptr<Cat>> cats;
      for (std::atomic<Pid>& process : newest) {
        cats.push_back(std::make_unique<Cat>());
        process = cats.back()->process;
      }
      for (const auto& cat : cats) cat->kill();
      for (const auto& cat : cats) cat->reap();
    }
    stop = true;
  }
  for (unsigned round = 0; round < 4; ++round) outlive_process();
  count_calls("off");
}

}  // namespace

std::span<const Part> processes() {
  static constexpr Part parts[] = {{"process-files", use_directories}};
  return parts;
}

}  // namespace harts

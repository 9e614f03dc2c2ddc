// The programs' own runtime, part by part: heap, threads and their storage, locks, files,
// processes, formats, and the parts of libc++ that need something from it.
#include <user/check.h>
#include <user/clock.h>
#include <user/files.h>
#include <user/process.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <coroutine>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace user;

namespace {

struct Random {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t limit) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % limit;
  }
};

void stress_heap(std::uint64_t seed) {
  struct Block {
    unsigned char* bytes;
    std::size_t size;
    unsigned char fill;
  };
  Random random{seed};
  std::array<Block, 64> blocks{};
  for (int i = 0; i < 4'000; ++i) {
    auto& block = blocks[random.below(blocks.size())];
    for (std::size_t at = 0; at < block.size; at += 97) {
      check(block.bytes[at] == block.fill, "a block keeps its bytes");
    }
    const auto size = 1 + random.below(i % 50 == 0 ? 300'000 : 700);
    auto* const bytes = static_cast<unsigned char*>(std::realloc(block.bytes, size));
    check(bytes != nullptr, "{} bytes", size);
    check(block.size == 0 || bytes[0] == block.fill, "realloc keeps what was there");
    block = {bytes, size, static_cast<unsigned char>(i)};
    std::memset(bytes, block.fill, size);
    if (random.below(4) == 0) {
      std::free(block.bytes);
      block = {};
    }
  }
  for (const auto& block : blocks) std::free(block.bytes);
}

void test_heap() {
  {
    const std::array<Thread, 3> threads{Thread{[] { stress_heap(1); }},
                                        Thread{[] { stress_heap(2); }},
                                        Thread{[] { stress_heap(3); }}};
  }
  for (std::size_t alignment = 16; alignment <= 8192; alignment *= 2) {
    void* const block = std::aligned_alloc(alignment, 3 * alignment);
    check(reinterpret_cast<std::uintptr_t>(block) % alignment == 0, "aligned to {}", alignment);
    std::memset(block, 1, 3 * alignment);
    std::free(block);
  }
  volatile std::size_t absurd = ~std::size_t{0} / 2;  // the compiler must not see what is asked for
  void* volatile block = std::malloc(absurd);
  check(block == nullptr, "an absurd size is refused");
  block = std::calloc(absurd, 8);
  check(block == nullptr, "so is one that overflows");
  println("heap: blocks of all sizes from three threads");
}

thread_local long counter = 5;
thread_local std::array<char, 600> zeroes;

void test_threads() {
  std::array<long, 8> results{};
  std::vector<Thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      check(std::ranges::count(zeroes, '\0') == 600, "new storage is zero");
      zeroes.fill('x');
      for (int i = 0; i < 100; ++i) {
        counter += &result - results.data();
        yield();
      }
      result = counter;
    });
  }
  threads.clear();
  for (long i = 0; i < 8; ++i) check(results[i] == 5 + 100 * i, "thread {} counts its own", i);
  check(counter == 5 && zeroes[0] == '\0', "the first thread's storage is untouched");

  int calls = 0;
  auto first =
      must(Thread::start([&calls, big = std::array<int, 500>{7}] { calls += big[0]; }), "a thread");
  Thread second{std::move(first)};
  second.join();
  second.join();
  check(calls == 7, "a moved thread is joined once");
  check(!Thread::start([] {}, {.stack_bytes = std::size_t{1} << 50}), "no stack, no thread");
  println("threads: storage of their own, joined once");
}

// Every one adds a letter to its thread's story when it begins and when it ends.
struct Told {
  explicit Told(char name) : name{name} { tell(name); }
  ~Told() { tell(static_cast<char>(std::toupper(name))); }
  static void tell(char letter) {
    if (story != nullptr) story->push_back(letter);
  }
  static thread_local std::string* story;
  char name;
};
thread_local std::string* Told::story = nullptr;

thread_local Told told_a{'a'};
Told& told_b() {
  thread_local Told told{'b'};
  return told;
}
struct MakesAnother : Told {
  MakesAnother() : Told{'c'} {}
  ~MakesAnother() { told_b(); }
};

void test_thread_locals() {
  std::string neither, both, late;
  Thread{[&] { Told::story = &neither; }}.join();
  check(neither.empty(), "what a thread does not use is not made: {}", neither);
  Thread{[&] {
    Told::story = &both;
    check(told_a.name == 'a' && told_b().name == 'b' && told_b().name == 'b', "by its own name");
  }}.join();
  check(both == "abBA", "made at first use, dropped in the opposite order: {}", both);
  Thread{[&] {
    Told::story = &late;
    thread_local MakesAnother another;
    check(another.name == 'c', "by its own name");
  }}.join();
  check(late == "cbCB", "one that is made by another's destructor is dropped too: {}", late);
  println("thread-local objects: made at first use, dropped when their thread ends");
}

struct SaysFarewell {
  ~SaysFarewell() { println("main's thread-local object is dropped"); }
};

void test_locks() {
  Mutex mutex;
  mutex.lock();
  bool taken = true;
  {
    Thread other{[&] { taken = mutex.try_lock(); }};
  }
  check(!taken, "a locked mutex is not taken");
  mutex.unlock();
  check(mutex.try_lock(), "an unlocked one is");
  mutex.unlock();

  Condition condition;
  int woken = 0;
  bool open = false;
  {
    std::vector<Thread> waiters;
    for (int i = 0; i < 5; ++i) {
      waiters.emplace_back([&] {
        const Lock lock{mutex};
        condition.wait(mutex, [&] { return open; });
        ++woken;
      });
    }
    must(sleep_for(5ms), "sleeping");
    const Lock lock{mutex};
    check(woken == 0, "nobody goes on before the condition holds");
    open = true;
    condition.notify_all();
  }
  check(woken == 5, "then everybody does");
  println("locks: mutex and condition");
}

void test_files() {
  const auto pipe = must(make_pipe(), "a pipe");
  must(write_all(pipe.write_end, "one\n\nthree\nno end"), "writing");
  must(close(pipe.write_end), "closing");
  LineReader lines{pipe.read_end};
  for (const std::string_view expected : {"one", "", "three", "no end"}) {
    const auto line = lines.next();
    check(line && *line == expected, "the line is `{}`", expected);
  }
  check(!lines.next() && !lines.error(), "then there is none");
  check(!open("/no/such/file"), "what does not exist is not opened");
  check(!is_terminal(pipe.read_end), "a pipe is no terminal");
  const auto root = must(list_directory("/"), "the root");
  check(std::ranges::contains(root, "bin", &DirectoryItem::name), "the root has a bin");

  std::array<abi::PollFd, 1> fds{
      {{.fd = must(make_pipe(), "a pipe").read_end, .events = abi::pollin}}};
  const auto begin = now();
  check(must(poll(fds, 10ms), "poll") == 0 && now() - begin >= 10ms, "poll times out");
  println("files: lines, folders, poll");
}

void test_processes() {
  const char* const arguments[] = {"runtime", "child", "a b", nullptr};
  char variable[] = "VARIABLE=value";
  char* const environment[] = {variable, nullptr};
  const auto pipe = must(make_pipe(abi::o_cloexec), "a pipe");
  const FdMapping fds[] = {{pipe.write_end, standard_output}};
  const Pid child =
      must(spawn(program_path(), arguments, {.fds = fds, .environment = environment}), "a child");
  must(close(pipe.write_end), "closing");
  check(must(read_all(pipe.read_end), "reading") == "a b value 5\n", "the child has what it needs");
  check(must(wait(child), "waiting").status.exit_code() == 42, "its exit code arrives");
  check(!wait(child), "once");
  check(!spawn("/no/such/program", arguments), "what does not exist is not started");

  const auto heavy = fork();
  if (!heavy && heavy.error() == Errno::enosys) {
    println("processes: all but a copy, which needs an MMU");
    return;
  }
  check(heavy.has_value(), "a copy");
  if (*heavy == 0) {  // another program in place of a large one
    std::vector<char> memory(16 << 20, 'x');
    const char* const plain[] = {"runtime", "child", "a b", nullptr};
    syscall(Call::execve, program_path(), plain, environment);
    fail("execve");
  }
  check(must(wait(*heavy), "waiting").status.exit_code() == 42,
        "it is the other program that ends");
  println("processes: arguments, environment, descriptors, exit code, another program");
}

struct Generator {
  struct promise_type {
    int value = 0;
    Generator get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int next) {
      value = next;
      return {};
    }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};

Generator squares() {
  for (int i = 1; i <= 4; ++i) co_yield i* i;
}

void test_library() {
  std::vector<double> numbers{2.5, -1, 1e9, 0};
  std::ranges::sort(numbers);
  std::vector<int> integers(1'000);
  std::iota(integers.rbegin(), integers.rend(), 0);
  std::sort(integers.begin(), integers.end());
  check(std::ranges::is_sorted(numbers) && std::ranges::is_sorted(integers), "sorted");
  std::map<std::string, int> words;
  for (const char* word : {"b", "a", "b"}) ++words[word];
  check(words["b"] == 2 && words.begin()->first == "a", "a map of strings");
  const auto text = std::make_unique<std::string>(1'000, 'x');
  check(*text + "y" == std::string(1'000, 'x') + 'y', "strings and their owners");

  int sum = 0;
  const auto generator = squares();
  for (;;) {
    generator.handle.resume();
    if (generator.handle.done()) break;
    sum += generator.handle.promise().value;
  }
  generator.handle.destroy();
  check(sum == 30, "coroutines");

  check(format("{:>6.2f}|{:#x}|{:<4}|{:+}|{}", 3.14159, 255, "ab", 7, true) ==
            "  3.14|0xff|ab  |+7|true",
        "formats");
  println("library: containers, algorithms, coroutines, formats");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view{argv[1]} == "child") {
    const char* const value = environment_value("VARIABLE");
    println("{} {} {}", static_cast<const char*>(argv[2]), value ? value : "none", counter);
    return 42;
  }
  test_heap();
  test_threads();
  test_thread_locals();
  thread_local SaysFarewell says_farewell;
  test_locks();
  test_files();
  test_processes();
  test_library();
  return 0;
}

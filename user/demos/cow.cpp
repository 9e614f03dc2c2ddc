// fork() shares memory until one side writes. Parent and child write to the same addresses and see
// only their own bytes. The amount of free memory shows when the kernel copies pages: at the first
// write to a shared page, and not when the writer is the page's only owner.
#include <user/check.h>
#include <user/demo.h>
#include <user/process.h>

#include <cstring>

COTRAP_DEMO(.description = "fork copies no page until a process writes to it");

using namespace user;

namespace {

constexpr long pages = 128;
constexpr long slack = 48;  // pages: for page tables, stacks, kernel objects

long pages_free() {
  return static_cast<long>(free_memory() / page_size);
}

bool all_bytes_are(const std::byte* memory, int value) {
  for (std::size_t i = 0; i < pages * page_size; ++i) {
    if (memory[i] != static_cast<std::byte>(value)) return false;
  }
  return true;
}

// Closes the other side's ends, so that a side sees the end of file when the other side dies.
void take_sides(Pipe reading, Pipe writing) {
  must(close(reading.write_end), "closing");
  must(close(writing.read_end), "closing");
}
void wait_for_word(Pipe pipe) {
  char word;
  check(must(read(pipe.read_end, std::span{&word, 1}), "reading") == 1,
        "the other process sends a byte");
}
void say_word(Pipe pipe) {
  must(write(pipe.write_end, "!"), "writing");
}

void account(long difference, long low, long high, std::string_view what) {
  println("{:>5} pages more in use: {}", difference, what);
  if (on_cotrap()) {
    check(difference >= low && difference <= high, "between {} and {} pages were expected", low,
          high);
  }
}

}  // namespace

int main() {
  auto* const memory =
      must(map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
  std::memset(memory, 'p', pages * page_size);
  const auto to_child = must(make_pipe(), "a pipe");
  const auto to_parent = must(make_pipe(), "a pipe");

  const long at_start = pages_free();
  const auto child = fork();
  if (!child && child.error() == Errno::enosys) {
    println("skipped: needs an MMU");
    return 0;
  }
  check(child.has_value(), "fork() works");
  if (*child == 0) {
    take_sides(to_child, to_parent);
    wait_for_word(to_child);
    if (!all_bytes_are(memory, 'p')) exit(1);
    std::memset(memory, 'c', pages * page_size);
    say_word(to_parent);
    wait_for_word(to_child);
    exit(all_bytes_are(memory, 'c') ? 0 : 2);
  }
  take_sides(to_parent, to_child);
  account(at_start - pages_free(), 0, slack, "after fork, which copies no data");

  say_word(to_child);
  wait_for_word(to_parent);
  account(at_start - pages_free(), pages, pages + slack, "after the child has written to all");
  check(all_bytes_are(memory, 'p'), "the parent does not see the child's writes");

  std::memset(memory, 'q', pages * page_size);
  account(at_start - pages_free(), pages, pages + slack,
          "after the parent has written, too: its pages are no longer shared");

  say_word(to_child);
  const auto ended = must(wait(*child), "waiting");
  check(ended.status.word() == 0, "the child keeps its own bytes (status {})", ended.status.word());
  check(all_bytes_are(memory, 'q'), "the parent keeps its own bytes");
  account(at_start - pages_free(), -slack, slack, "after the child's end");
  return 0;
}

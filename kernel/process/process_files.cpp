#include "process/process_files.h"

#include <abi/numbers.h>
#include <fmt/format.h>
#include <hal/timer.h>

#include <iterator>
#include <memory>

#include "files/regular_file.h"
#include "formats/numbers.h"
#include "memory/frames.h"
#include "process/process.h"
#include "process/thread.h"

namespace kernel {
namespace {

/// The lines of one list of system calls.
class CallList {
 public:
  explicit CallList(PagedText& out) : out_{out} {
    out += "pid\ttid\tcalls\ttime_ns\tnumber\tname\n";
  }

  /// Adds a process. Returns false if the list has no room for all of it.
  [[gnu::noinline]] bool add(Process& process) {
    for (const Thread& thread : process.threads()) {
      if (threads_++ == most_listed_threads) is_cut_off_ = true;
      if (is_cut_off_) break;
      add(process, thread.id(), thread.syscall_counts());
    }
    if (process.observed() != nullptr) add(process, 0, process.observed()->ended.get());
    if (is_cut_off_) out_ += "0\t0\t0\t0\t0\t(and more)\n";
    return !is_cut_off_;
  }

 private:
  void add(const Process& process, int tid, const SyscallCounts* counts) {
    if (counts == nullptr) return;
    counts->for_each([&](const SyscallCounts::Count& count) {
      const std::uint64_t number = count.number();
      add(process, tid, count, number, abi::name(static_cast<abi::Call>(number)));
    });
    if (counts->others().calls.value() != 0) add(process, tid, counts->others(), 0, "(others)");
  }
  void add(const Process& process, int tid, const SyscallCounts::Count& count, std::uint64_t number,
           std::string_view name) {
    if (out_.size() > longest_call_list) is_cut_off_ = true;
    if (is_cut_off_) return;
    fmt::format_to(std::back_inserter(out_), "{}\t{}\t{}\t{}\t{}\t{}\n", process.id(), tid,
                   count.calls.value(), hal::ticks_in_ns(count.ticks.value()), number, name);
  }

  PagedText& out_;
  std::size_t threads_ = 0;
  bool is_cut_off_ = false;
};

void list_syscalls_of(PagedText& out, int id) {
  CallList list{out};
  if (Process* const process = processes().find(id)) (void)list.add(*process);
}

}  // namespace

void list_all_syscalls(PagedText& out) {
  CallList list{out};
  for (Process& process : processes()) {
    if (!list.add(process)) return;
  }
}

Result<Node*> find_process_directory(Directory& proc, std::string_view name) {
  const auto number = formats::parse_number(name);
  if (!number || name.front() == '0' || *number > IdSlots::limit) return nullptr;
  const int id = static_cast<int>(*number);
  Process* const process = processes().find(id);
  if (process == nullptr) return nullptr;
  if (const auto* const observed = process->observed(); observed && observed->directory)
    return &observed->directory->node();
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  constexpr std::string_view file = "syscalls";
  constexpr std::size_t bytes =
      sizeof(Directory) + sizeof(TextFile) + 2 * Directory::entry_bytes + 32;
  if (!memory::can_allocate(bytes)) return fail(Errno::enomem);
  const auto observed = process->observe();
  if (!observed) return fail(observed.error());
  auto directory = make_ref<Directory>(Directory::Contents::fixed, 0555);
  directory->put(file, make_ref<TextFile>(list_syscalls_of, id));
  (*observed)->directory = proc.add_unlisted(name, std::move(directory));
  return &(*observed)->directory->node();
}

}  // namespace kernel

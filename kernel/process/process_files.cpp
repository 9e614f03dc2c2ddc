#include "process/process_files.h"

#include <abi/numbers.h>
#include <fmt/format.h>
#include <hal/timer.h>

#include <iterator>
#include <memory>

#include "files/regular_file.h"
#include "files/root.h"
#include "formats/numbers.h"
#include "memory/frames.h"
#include "process/numbered_directory.h"
#include "process/process.h"
#include "process/process_texts.h"
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

/// A link of /proc/PID to the program, to the working directory or to the root.
class ProcessLink final : public Node {
 public:
  enum class Kind : std::uint8_t { program, directory, root };

  ProcessLink(Kind kind, int id) : Node{abi::s_iflnk | 0777}, kind_{kind}, id_{id} {}
  std::string target(const LinkReader& reader) const override {
    Process* const process = processes().find(id_);
    if (process == nullptr || process->is_zombie()) return {};
    if (kind_ == Kind::program) {
      const std::string_view path = process->path();
      const bool keeps_path = process->has_canonical_path() || reader.is_real_path;
      return path_from(reader.root, keeps_path ? std::string{path} : real_path(path));
    }
    const Directory* const directory = directory_of(*process);
    return path_from(reader.root, *directory).value_or("/ (deleted)");
  }
  /// The directory, also if it was removed.
  Result<Node*> object() override {
    if (kind_ == Kind::program) return nullptr;
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    Process* const process = processes().find(id_);
    if (process == nullptr || process->is_zombie()) return fail(Errno::enoent);
    return directory_of(*process);
  }
  Result<Ref<File>> open(int flags) override {
    return (flags & abi::o_path) != 0 ? open_path(flags) : fail(Errno::eloop);
  }

 private:
  Directory* directory_of(Process& process) const {
    const FsContext& fs = process.fs();
    if (kind_ == Kind::directory) return fs.directory().get();
    return fs.root() != nullptr ? fs.root() : &root_directory();
  }

  Kind kind_;
  int id_;
};

struct ProcessText {
  std::string_view name;
  TextFile::WriteOf write;
};

void list_syscalls_of(PagedText& out, int id) {
  CallList list{out};
  if (Process* const process = processes().find(id)) (void)list.add(*process);
}

constexpr ProcessText process_texts[] = {
    {"cmdline", write_process_arguments},
    {"comm", write_process_name},
    {"environ", write_process_environment},
    {"limits", write_process_limits},
    {"maps", write_process_areas},
    {"mountinfo", [](PagedText& out, int) { write_mount_details(out); }},
    {"mounts", [](PagedText& out, int) { write_mounts(out); }},
    {"stat", write_process_stat},
    {"statm", write_process_statm},
    {"status", write_process_status},
    {"syscalls", list_syscalls_of},
};

/// The directories of a process.
struct ProcessDirectory {
  std::string_view name;
  Ref<Directory> (*make)(int id);
};
constexpr ProcessDirectory process_directories[] = {
    {"fd", make_descriptor_links},
    {"fdinfo", make_descriptor_texts},
    {"task", make_thread_directories},
};

}  // namespace

int next_process(const Directory&, int after) {
  const Process* const next = IdSlots::at_or_after<Process>(after + 1);
  return next != nullptr ? next->id() : -1;
}

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
  constexpr std::size_t each = sizeof(TextFile) + Directory::entry_bytes + 32;
  constexpr std::size_t links = 3;
  constexpr std::size_t bytes = sizeof(Directory) + (std::size(process_texts) + links + 1) * each;
  const std::size_t directories =
      std::size(process_directories) * (numbered_directory_bytes + Directory::entry_bytes + 8);
  if (!memory::can_allocate(bytes + directories)) return fail(Errno::enomem);
  const auto observed = process->observe();
  if (!observed) return fail(observed.error());
  auto directory = make_ref<Directory>(Directory::Contents::fixed, 0555);
  directory->set_file_system(proc.file_system());
  for (const ProcessText& text : process_texts)
    directory->put(text.name, make_ref<TextFile>(text.write, id));
  for (const ProcessDirectory& child : process_directories)
    directory->put(child.name, child.make(id));
  directory->put("exe", make_ref<ProcessLink>(ProcessLink::Kind::program, id));
  directory->put("cwd", make_ref<ProcessLink>(ProcessLink::Kind::directory, id));
  directory->put("root", make_ref<ProcessLink>(ProcessLink::Kind::root, id));
  (*observed)->directory = proc.add_unlisted(name, std::move(directory));
  return &(*observed)->directory->node();
}

}  // namespace kernel

// Names that harts make, rename and remove at the same time (docs/harts.md).
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "harts.h"

namespace harts {
namespace {

constexpr const char* shared_folder = "/tmp/names";
constexpr const char* stays = "/tmp/names/stays";

long create(const std::string& path) {
  return syscall(Call::openat, abi::at_fdcwd, path.c_str(),
                 abi::o_rdwr | abi::o_creat | abi::o_excl, 0600);
}
long remove_name(const std::string& path) {
  return syscall(Call::unlinkat, abi::at_fdcwd, path.c_str(), 0);
}
bool exists(const std::string& path) {
  return syscall(Call::faccessat, abi::at_fdcwd, path.c_str(), abi::r_ok) == 0;
}

/// Calls `run(hart)` in a thread on each hart.
template <class Run>
void on_each_hart(Run run) {
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([=] {
      move_to(hart);
      run(hart);
    });
  }
}

/// Lets the threads begin a round at the same time.
class Barrier {
 public:
  void wait() {
    const unsigned round = round_;
    if (++waiting_ == count) {
      waiting_ = 0;
      ++round_;
    }
    while (round_ == round) yield();
  }

 private:
  std::atomic<unsigned> waiting_ = 0, round_ = 0;
};

/// All harts create the same names, then remove them: each time one of them succeeds.
void claim_names(unsigned rounds) {
  Barrier barrier;
  std::atomic<unsigned> created = 0, removed = 0;
  on_each_hart([&](unsigned) {
    for (unsigned i = 0; i < rounds; ++i) {
      const std::string path = format("{}/claim", shared_folder);
      barrier.wait();
      if (const long file = create(path); file >= 0) {
        ++created;
        must(close(static_cast<Fd>(file)), "closing");
      } else {
        check(file == error(Errno::eexist), "a name that exists: {}", file);
      }
      barrier.wait();
      if (const long answer = remove_name(path); answer == 0) {
        ++removed;
      } else {
        check(answer == error(Errno::enoent), "a name that was removed: {}", answer);
      }
    }
  });
  check(created == rounds, "{} names are created {} times", rounds, created.load());
  check(removed == rounds, "{} names are removed {} times", rounds, removed.load());
}

/// One hart removes a directory while the others create files in it.
void remove_directories(unsigned rounds) {
  Barrier barrier;
  std::atomic<unsigned> files = 0;
  const std::string directory = format("{}/directory", shared_folder);
  on_each_hart([&](unsigned hart) {
    const std::string path = format("{}/{}", directory, hart);
    for (unsigned i = 0; i < rounds; ++i) {
      if (hart == 0) must(make_directory(directory.c_str()), "mkdir");
      barrier.wait();
      long answer = 0;
      if (hart == i % count) {
        answer = syscall(Call::unlinkat, abi::at_fdcwd, directory.c_str(), abi::at_removedir);
      } else if (const long file = create(path); file >= 0) {
        ++files;
        must(close(static_cast<Fd>(file)), "closing");
      } else {
        check(file == error(Errno::enoent), "a directory that was removed: {}", file);
      }
      barrier.wait();
      if (hart == i % count) {
        const long expected = files == 0 ? 0 : error(Errno::enotempty);
        check(answer == expected, "rmdir of {} files answers {}", files.load(), answer);
        files = 0;
      }
      remove_name(path);
      barrier.wait();
      if (hart == 0) (void)remove_directory(directory.c_str());
    }
  });
}

/// A hart's own names, in the directory `in`.
void use_own_names(const std::string& in, unsigned hart, unsigned rounds) {
  const std::string first = format("{}/a long name of hart {}", in, hart);
  const std::string second = format("{}/{}", in, hart);
  for (unsigned i = 0; i < rounds; ++i) {
    const auto file = static_cast<Fd>(create(first));
    check(file >= 0, "a new file: {}", file);
    check(syscall(Call::ftruncate, file, 100) == 0, "ftruncate");
    if (i % 4 == 0) must(write_all(file, "contents"), "writing");
    check(!exists(second), "a name that does not exist yet");
    must(user::rename(first.c_str(), second.c_str()), "renaming");
    check(!exists(first) && exists(second), "the name has changed");
    check(exists(stays), "a name that stays");
    abi::Stat status{};
    check(syscall(Call::fstat, file, &status) == 0 && status.size == 100 && status.links == 1,
          "a file of 100 bytes with a name: {}", status.size);
    check(remove_name(second) == 0 && !exists(second), "the name is removed");
    check(syscall(Call::fstat, file, &status) == 0 && status.links == 0, "a file without a name");
    must(close(file), "closing");
    must(make_directory(second.c_str()), "mkdir");
    check(create(second + "/none/file") == error(Errno::enoent), "a path without a directory");
    must(remove_directory(second.c_str()), "rmdir");
  }
}

/// Files that stay open, so that the table of descriptors must grow while a file is created.
void open_many(const std::string& in) {
  constexpr unsigned files = 100;
  std::vector<Fd> open;
  for (unsigned i = 0; i < files; ++i) {
    open.push_back(static_cast<Fd>(create(format("{}/{}", in, i))));
    check(open.back() >= 0, "file {}: {}", i, open.back());
  }
  for (const Fd file : open) must(close(file), "closing");
  for (unsigned i = 0; i < files; ++i)
    check(remove_name(format("{}/{}", in, i)) == 0, "removing {}", i);
}

/// Lists the common directory, until `stop`.
void list_names(const std::atomic<bool>& stop) {
  std::array<std::byte, 4096> buffer;
  for (unsigned i = 0; !stop; ++i) {
    move_to(i % count);
    const Fd directory = must(open(shared_folder, abi::o_directory), "the directory");
    unsigned found = 0;
    for (long size;
         (size = syscall(Call::getdents64, directory, buffer.data(), buffer.size())) > 0;)
      found += std::string_view{reinterpret_cast<const char*>(buffer.data()),
                                static_cast<std::size_t>(size)}
                   .contains("stays");
    check(found == 1, "a name that stays is listed {} times", found);
    must(close(directory), "closing");
  }
}

/// The names in `records`, which getdents64() has put there.
std::vector<std::string> names_in(std::span<const std::byte> records) {
  std::vector<std::string> names;
  while (!records.empty()) {
    abi::DirectoryEntry head;
    std::memcpy(&head, records.data(), abi::directory_entry_name);
    names.emplace_back(reinterpret_cast<const char*>(&records[abi::directory_entry_name]));
    records = records.subspan(head.record_length);
  }
  return names;
}

/// Threads on all harts list a directory through one descriptor: one of them gets each name.
void list_together() {
  constexpr unsigned files = 40;
  const std::string folder = "/tmp/listed";
  must(make_directory(folder.c_str()), "mkdir");
  const auto name_of = [](unsigned i) { return format("a file with a long name, {}", i); };
  for (unsigned i = 0; i < files; ++i)
    must(close(static_cast<Fd>(create(folder + "/" + name_of(i)))), "closing");
  const Fd directory = must(open(folder.c_str(), abi::o_directory), "the directory");
  for (unsigned round = 0; round < 50; ++round) {
    must(seek(directory, 0, abi::seek_set), "seeking");
    std::array<std::atomic<unsigned>, files> found{};
    on_each_hart([&](unsigned) {
      std::array<std::byte, 200> buffer;
      for (long size;
           (size = syscall(Call::getdents64, directory, buffer.data(), buffer.size())) > 0;) {
        for (const std::string& name :
             names_in(std::span{buffer}.first(static_cast<std::size_t>(size))))
          for (unsigned i = 0; i < files; ++i) found[i] += name == name_of(i);
      }
    });
    for (unsigned i = 0; i < files; ++i)
      check(found[i] == 1, "file {} is listed {} times", i, found[i].load());
  }
  must(close(directory), "closing");
  for (unsigned i = 0; i < files; ++i) remove_name(folder + "/" + name_of(i));
  must(remove_directory(folder.c_str()), "rmdir");
}

void use_names() {
  const unsigned rounds = rounds_of_each(30);
  list_together();
  must(make_directory(shared_folder), "mkdir");
  must(close(must(open(stays, abi::o_wronly | abi::o_creat), "a file")), "closing");
  std::atomic<bool> stop = false;
  {
    Thread listing{[&] { list_names(stop); }};
    claim_names(rounds);
    remove_directories(rounds);
    on_each_hart([rounds](unsigned hart) {
      use_own_names(shared_folder, hart, rounds);
      const std::string own = format("/tmp/names.{}", hart);
      must(make_directory(own.c_str()), "mkdir");
      use_own_names(own, hart, rounds);
      open_many(own);
      must(remove_directory(own.c_str()), "rmdir");
    });
    stop = true;
  }
  must(remove_file(stays), "removing the file");
  must(remove_directory(shared_folder), "the directory is empty");
}

}  // namespace

std::span<const Part> names() {
  static constexpr Part parts[] = {{"names", use_names}};
  return parts;
}

}  // namespace harts

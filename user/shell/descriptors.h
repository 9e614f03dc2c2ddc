// Descriptors of the shell itself.
#pragma once

#include <abi/flags.h>
#include <user/print.h>
#include <user/process.h>

#include <span>
#include <utility>
#include <vector>

namespace shell {

// The shell's own descriptors have numbers from this one on, so that scripts can use the others.
inline constexpr user::Fd first_own_descriptor = 10;

// Closes descriptors at its end.
class OpenFiles {
 public:
  OpenFiles() = default;
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;
  ~OpenFiles() { close(); }

  void close() {
    for (const user::Fd fd : fds_) static_cast<void>(user::close(fd));
    fds_.clear();
  }
  user::Fd add(user::Fd fd) {
    fds_.push_back(fd);
    return fd;
  }

 private:
  std::vector<user::Fd> fds_;
};

// Redirects this process's descriptors, and restores them at its end.
class Redirected {
 public:
  explicit Redirected(std::span<const user::FdMapping> fds) {
    for (const auto& [from, to] : fds) {
      const auto saved =
          user::call<user::Fd>(user::Call::fcntl, to, abi::f_dupfd_cloexec, first_own_descriptor);
      if (!saved && saved.error() != abi::Errno::ebadf) {  // it could not be restored
        user::complain("sh: descriptor {}: {}", to, abi::description(saved.error()));
        continue;
      }
      saved_.push_back({saved.value_or(-1), to});
      if (from < 0) {
        static_cast<void>(user::close(to));
      } else {
        static_cast<void>(user::dup_to(from, to));
      }
    }
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    for (; !saved_.empty(); saved_.pop_back()) {
      const auto [saved, to] = saved_.back();
      static_cast<void>(user::close(to));
      if (saved < 0) continue;
      static_cast<void>(user::dup_to(saved, to));
      static_cast<void>(user::close(saved));
    }
  }
  // The redirections stay.
  void keep() {
    for (const auto& [saved, to] : std::exchange(saved_, {})) {
      if (saved >= 0) static_cast<void>(user::close(saved));
    }
  }

 private:
  std::vector<user::FdMapping> saved_;  // from -1: `to` was not open
};

}  // namespace shell

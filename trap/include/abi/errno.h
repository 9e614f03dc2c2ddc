// Linux's error numbers: the results of system calls that fail (−number in a0).
//
// The names are Linux's in lower case, like all names in abi/: a C library may define the
// upper-case ones as macros. Source: Linux's asm-generic/errno-base.h and errno.h, which riscv64
// uses.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace abi {

enum class Errno : int {
  eperm = 1,
  enoent = 2,
  esrch = 3,
  eintr = 4,
  eio = 5,
  enxio = 6,
  e2big = 7,
  enoexec = 8,
  ebadf = 9,
  echild = 10,
  eagain = 11,
  enomem = 12,
  eacces = 13,
  efault = 14,
  enotblk = 15,
  ebusy = 16,
  eexist = 17,
  exdev = 18,
  enodev = 19,
  enotdir = 20,
  eisdir = 21,
  einval = 22,
  enfile = 23,
  emfile = 24,
  enotty = 25,
  etxtbsy = 26,
  efbig = 27,
  enospc = 28,
  espipe = 29,
  erofs = 30,
  emlink = 31,
  epipe = 32,
  edom = 33,
  erange = 34,
  edeadlk = 35,
  enametoolong = 36,
  enolck = 37,
  enosys = 38,
  enotempty = 39,
  eloop = 40,
  enomsg = 42,
  eidrm = 43,
  enodata = 61,
  etime = 62,
  eoverflow = 75,
  ebadfd = 77,
  elibbad = 80,
  enotsock = 88,
  edestaddrreq = 89,
  emsgsize = 90,
  eprototype = 91,
  enoprotoopt = 92,
  eprotonosupport = 93,
  esocktnosupport = 94,
  enotsup = 95,
  eafnosupport = 97,
  eaddrinuse = 98,
  eaddrnotavail = 99,
  enetunreach = 101,
  econnaborted = 103,
  econnreset = 104,
  enobufs = 105,
  eisconn = 106,
  enotconn = 107,
  etoomanyrefs = 109,
  etimedout = 110,
  econnrefused = 111,
  ehostunreach = 113,
  ealready = 114,
  einprogress = 115,
  estale = 116,
  ecanceled = 125,
  eownerdead = 130,
  // Only inside the kernel: the operation has changed nothing. It can be tried again, after a wait
  // for the file or after a page-in. A program gets EAGAIN instead from a non-blocking file. The
  // number is max_errno + 1: in a register, it is neither an error nor an address of a program.
  would_block = 4096,
};

// Numbers above this are never errors: a0 in [-max_errno, -1] is a failed call.
inline constexpr int max_errno = 4095;
static_assert(static_cast<int>(Errno::would_block) == max_errno + 1);

struct ErrnoText {
  Errno number;
  std::string_view name;         // as in the manual: "ENOENT"
  std::string_view description;  // for people, no full stop
};

inline constexpr auto errno_texts = std::to_array<ErrnoText>({
    {Errno::eperm, "EPERM", "not permitted"},
    {Errno::enoent, "ENOENT", "no such file or directory"},
    {Errno::esrch, "ESRCH", "no such process"},
    {Errno::eintr, "EINTR", "interrupted"},
    {Errno::eio, "EIO", "input/output error"},
    {Errno::enxio, "ENXIO", "no such device or address"},
    {Errno::e2big, "E2BIG", "argument list too long"},
    {Errno::enoexec, "ENOEXEC", "not a program for this machine"},
    {Errno::ebadf, "EBADF", "bad file descriptor"},
    {Errno::echild, "ECHILD", "no child to wait for"},
    {Errno::eagain, "EAGAIN", "temporarily unavailable"},
    {Errno::enomem, "ENOMEM", "out of memory"},
    {Errno::eacces, "EACCES", "permission denied"},
    {Errno::efault, "EFAULT", "bad address"},
    {Errno::enotblk, "ENOTBLK", "not a disk"},
    {Errno::ebusy, "EBUSY", "busy"},
    {Errno::eexist, "EEXIST", "already exists"},
    {Errno::exdev, "EXDEV", "on another device"},
    {Errno::enodev, "ENODEV", "no such device"},
    {Errno::enotdir, "ENOTDIR", "not a directory"},
    {Errno::eisdir, "EISDIR", "is a directory"},
    {Errno::einval, "EINVAL", "invalid argument"},
    {Errno::enfile, "ENFILE", "too many open files in the system"},
    {Errno::emfile, "EMFILE", "too many open files"},
    {Errno::enotty, "ENOTTY", "not a terminal"},
    {Errno::etxtbsy, "ETXTBSY", "program file is open for writing"},
    {Errno::efbig, "EFBIG", "file too large"},
    {Errno::enospc, "ENOSPC", "no space left"},
    {Errno::espipe, "ESPIPE", "cannot seek"},
    {Errno::erofs, "EROFS", "read-only file system"},
    {Errno::emlink, "EMLINK", "too many links"},
    {Errno::epipe, "EPIPE", "no reader of this pipe"},
    {Errno::edom, "EDOM", "argument out of domain"},
    {Errno::erange, "ERANGE", "result out of range"},
    {Errno::edeadlk, "EDEADLK", "would deadlock"},
    {Errno::enametoolong, "ENAMETOOLONG", "name too long"},
    {Errno::enolck, "ENOLCK", "no locks available"},
    {Errno::enosys, "ENOSYS", "no such system call"},
    {Errno::enotempty, "ENOTEMPTY", "directory not empty"},
    {Errno::eloop, "ELOOP", "too many symbolic links"},
    {Errno::enomsg, "ENOMSG", "no message of the wanted type"},
    {Errno::eidrm, "EIDRM", "the object was removed"},
    {Errno::enodata, "ENODATA", "no such attribute"},
    {Errno::etime, "ETIME", "timer expired"},
    {Errno::eoverflow, "EOVERFLOW", "value too large"},
    {Errno::ebadfd, "EBADFD", "file is not ready for this"},
    {Errno::elibbad, "ELIBBAD", "not an interpreter for programs"},
    {Errno::enotsock, "ENOTSOCK", "not a socket"},
    {Errno::edestaddrreq, "EDESTADDRREQ", "destination address required"},
    {Errno::emsgsize, "EMSGSIZE", "message too long"},
    {Errno::eprototype, "EPROTOTYPE", "wrong type of socket"},
    {Errno::enoprotoopt, "ENOPROTOOPT", "no such socket option"},
    {Errno::eprotonosupport, "EPROTONOSUPPORT", "protocol not supported"},
    {Errno::esocktnosupport, "ESOCKTNOSUPPORT", "type of socket not supported"},
    {Errno::enotsup, "ENOTSUP", "not supported"},
    {Errno::eafnosupport, "EAFNOSUPPORT", "address family not supported"},
    {Errno::eaddrinuse, "EADDRINUSE", "address in use"},
    {Errno::eaddrnotavail, "EADDRNOTAVAIL", "address not available"},
    {Errno::enetunreach, "ENETUNREACH", "network unreachable"},
    {Errno::econnaborted, "ECONNABORTED", "connection aborted"},
    {Errno::econnreset, "ECONNRESET", "connection reset by the peer"},
    {Errno::enobufs, "ENOBUFS", "no buffer space"},
    {Errno::eisconn, "EISCONN", "already connected"},
    {Errno::enotconn, "ENOTCONN", "not connected"},
    {Errno::etoomanyrefs, "ETOOMANYREFS", "too many descriptors on their way"},
    {Errno::etimedout, "ETIMEDOUT", "timed out"},
    {Errno::econnrefused, "ECONNREFUSED", "connection refused"},
    {Errno::ehostunreach, "EHOSTUNREACH", "host unreachable"},
    {Errno::ealready, "EALREADY", "already in progress"},
    {Errno::einprogress, "EINPROGRESS", "in progress"},
    {Errno::estale, "ESTALE", "stale file handle"},
    {Errno::ecanceled, "ECANCELED", "cancelled"},
    {Errno::eownerdead, "EOWNERDEAD", "the owner has ended"},
});

constexpr std::string_view name(Errno number) {
  const auto* text = std::ranges::find(errno_texts, number, &ErrnoText::number);
  return text == errno_texts.end() ? "E?" : text->name;
}

constexpr std::string_view description(Errno number) {
  const auto* text = std::ranges::find(errno_texts, number, &ErrnoText::number);
  return text == errno_texts.end() ? "unknown error" : text->description;
}

}  // namespace abi

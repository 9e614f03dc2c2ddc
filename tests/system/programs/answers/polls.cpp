// ppoll(2).
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "answers.h"

namespace {

const timespec no_time{0, 0};
const timespec bad_time{0, 1'000'000'000};
const timespec negative_time{-1, 0};
const timespec negative_part{0, -1};
constexpr short everything = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM;
const unsigned long mask = 0;

void arguments() {
  pollfd entry{-1, POLLIN, 7};
  CASE(0, ppoll, &entry, 1, &no_time, 0, 8);
  VALUE(0, entry.revents);
  CASE(0, ppoll, 0, 0, &no_time, 0, 8);
  CASE(0, ppoll, nowhere, 0, &no_time, 0, 8);
  CASE(-EFAULT, ppoll, beyond, 0, &no_time, 0, 0);
  CASE(-EFAULT, ppoll, nowhere, 1, &no_time, 0, 8);
  CASE(-EFAULT, ppoll, 0, 1, &no_time, 0, 8);
  CASE(-EFAULT, ppoll, beyond, 1, &no_time, 0, 8);
  CASE(-EINVAL, ppoll, nowhere, 1, &bad_time, 0, 8);
  CASE(-EINVAL, ppoll, &entry, 1, &negative_time, 0, 8);
  CASE(-EINVAL, ppoll, &entry, 1, &negative_part, 0, 8);
  CASE(-EFAULT, ppoll, &entry, 1, nowhere, 0, 8);
  CASE(-EFAULT, ppoll, &entry, 1, nowhere, &mask, 7);
  CASE(-EINVAL, ppoll, &entry, 1, &no_time, &mask, 7);
  CASE(-EINVAL, ppoll, nowhere, 1, &no_time, &mask, 16);
  CASE(-EFAULT, ppoll, &entry, 1, &no_time, nowhere, 8);
  CASE(0, ppoll, &entry, 1, &no_time, 0, 7);
  CASE(0, ppoll, &entry, 1, &no_time, &mask, 8);
  CASE(-EINVAL, ppoll, &entry, -1, &no_time, 0, 8);
  CASE(-EINVAL, ppoll, nowhere, 1 << 20, &no_time, 0, 8);
  CASE(-EINVAL, ppoll, nowhere, UINT_MAX, &no_time, 0, 8);
  static pollfd many[1025];
  for (pollfd& each : many) each.fd = -1;
  CASE(0, ppoll, many, 1024, &no_time, 0, 8);
  CASE(-EINVAL, ppoll, many, 1025, &no_time, 0, 8);
  many[1023].fd = 1000;
  CASE(1, ppoll, many, 1024, &no_time, 0, 8);
  VALUE(POLLNVAL, many[1023].revents);
  char* const page = new_page(PROT_READ);
  CASE(0, ppoll, page + page_size - 8, 0, &no_time, 0, 8);
  CASE(-EFAULT, ppoll, page, 1, &no_time, 0, 8);
}

void answers() {
  const auto [reader, writer] = new_pipe();
  pollfd list[] = {
      {reader, everything, 7}, {writer, everything, 7}, {-5, everything, 7}, {99, 0, 7}};
  CASE(2, ppoll, list, 4, &no_time, 0, 8);
  VALUE(0, list[0].revents);
  VALUE(POLLOUT | POLLWRNORM, list[1].revents);
  VALUE(0, list[2].revents);
  VALUE(POLLNVAL, list[3].revents);
  write(writer, "x", 1);
  CASE(1, ppoll, list, 1, &no_time, 0, 8);
  VALUE(POLLIN | POLLRDNORM, list[0].revents);
  close(writer);
  CASE(1, ppoll, list, 1, &no_time, 0, 8);
  VALUE(POLLIN | POLLRDNORM | POLLHUP, list[0].revents);
  list[0].events = 0;
  CASE(1, ppoll, list, 1, 0, 0, 8);
  VALUE(POLLHUP, list[0].revents);
  close(reader);
  const auto other = new_pipe();
  close(other.reader);
  list[1] = {other.writer, everything, 7};
  CASE(1, ppoll, list + 1, 1, &no_time, 0, 8);
  VALUE(POLLOUT | POLLWRNORM | POLLERR, list[1].revents);
  close(other.writer);

  const int file = new_file("/tmp/poll", "text");
  list[0] = {file, everything, 7};
  CASE(1, ppoll, list, 1, 0, 0, 8);
  VALUE(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, list[0].revents);
  list[0].events = POLLPRI;
  CASE(0, ppoll, list, 1, &no_time, 0, 8);
  VALUE(0, list[0].revents);
  close(file);
  unlink("/tmp/poll");
  const int read_only = open("/dev/null", O_RDONLY);
  list[0] = {read_only, everything, 7};
  CASE(1, ppoll, list, 1, 0, 0, 8);
  VALUE(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, list[0].revents);
  close(read_only);
  const int folder = open("/tmp", O_RDONLY);
  list[0] = {folder, everything, 7};
  CASE(1, ppoll, list, 1, 0, 0, 8);
  VALUE(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, list[0].revents);
  close(folder);
}

}  // namespace

void polls() {
  arguments();
  answers();
}

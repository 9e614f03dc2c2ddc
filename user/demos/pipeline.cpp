// producer | filter | consumer: the consumer starts late, the pipes fill up, and the producer must
// wait. The filter passes every third record, so the producer gets ahead by what the first pipe
// holds and three times what the second one holds, and then waits. No record is lost or reordered.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/process.h>

#include <array>
#include <string_view>

COTRAP_DEMO(.description = "producer | filter | consumer: a slow consumer makes the producer wait");

using namespace user;

namespace {

struct Record {
  long number;
  long written_at;  // nanoseconds since boot
  std::array<char, 48> load;
};

constexpr long records = 12'000;  // 768 KB, far more than two pipes hold
constexpr long every = 3;         // the filter passes every third record
constexpr auto nap = 200ms;

bool receive(Record& record) {
  auto bytes = std::as_writable_bytes(std::span{&record, 1});
  while (!bytes.empty()) {
    const auto count = must(read(standard_input, bytes), "reading");
    if (count == 0) {
      check(bytes.size() == sizeof record, "records arrive whole");
      return false;
    }
    bytes = bytes.subspan(count);
  }
  return true;
}

void send(const Record& record) {
  must(write_all(standard_output, {reinterpret_cast<const char*>(&record), sizeof record}),
       "writing");
}

int produce() {
  for (long i = 0; i < records; ++i) {
    Record record{.number = i, .written_at = now().count()};
    record.load.fill(static_cast<char>('a' + i % 26));
    send(record);
  }
  return 0;
}

int filter() {
  Record record;
  while (receive(record)) {
    if (record.number % every == 0) send(record);
  }
  return 0;
}

int consume() {
  must(sleep_for(nap), "sleeping");
  const long first_read = now().count();
  long count = 0, ahead = 0;
  Record record;
  while (receive(record)) {
    check(record.number == count * every, "record {} arrived instead of record {}", record.number,
          count * every);
    check(record.load[0] == 'a' + record.number % 26, "record {} arrives unchanged", record.number);
    if (record.written_at < first_read) ahead = record.number;
    ++count;
  }
  check(count == records / every, "only {} of {} records arrived", count, records / every);
  check(ahead < records / 2, "the producer did not wait: it was {} records ahead", ahead);
  println("{} of {} records arrived; the producer got {} ahead, then had to wait", count, records,
          ahead);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc == 2 ? argv[1] : "";
  if (role == "produce") return produce();
  if (role == "filter") return filter();
  if (role == "consume") return consume();

  const auto first = must(make_pipe(abi::o_cloexec), "a pipe");
  const auto second = must(make_pipe(abi::o_cloexec), "a pipe");
  const auto start = [](const char* name, std::span<const FdMapping> fds) {
    const char* const arguments[] = {"pipeline", name, nullptr};
    return must(spawn(program_path(), arguments, {.fds = fds}), name);
  };
  start("produce", {{{first.write_end, standard_output}}});
  start("filter", {{{first.read_end, standard_input}, {second.write_end, standard_output}}});
  start("consume", {{{second.read_end, standard_input}}});
  for (const Fd fd : {first.read_end, first.write_end, second.read_end, second.write_end}) {
    must(close(fd), "closing");
  }
  for (int i = 0; i < 3; ++i) {
    const auto ended = must(wait(), "waiting");
    check(ended.status.word() == 0, "process {} exits with 0", ended.pid);
  }
  return 0;
}

// conflicts [NAME…]: makes pairs of calls that commute, one of them on hart 0 and the
// other one on hart 1, and marks each call for user/bench/access_trace.c. With NAMEs,
// both calls of a pair are among them. Without NAMEs, it makes pairs of all calls except the
// controls. At the end it prints a line for each pair, in the order of the calls:
//
//   threads or processes <TAB> call on hart 0 <TAB> call on hart 1
//
// threads: two threads of a process make the calls; processes: two processes do. The machine needs
// two harts. docs/conflicts.md explains what the trace is for.
#include "conflicts.h"

#include <user/check.h>
#include <user/clock.h>
#include <user/print.h>
#include <user/process.h>
#include <user/thread.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace conflicts {
namespace {

using user::must;

constinit Side sides[2];

// Pages that a fork has shared would fault in the traced call: write to each page that calls write
// to.
[[gnu::noinline]] void unshare(Side& side) {
  constexpr std::size_t stack_pages = 4;
  volatile std::byte stack[stack_pages * user::page_size];
  for (std::size_t i = 0; i < stack_pages; ++i) stack[i * user::page_size] = std::byte{1};
  *static_cast<volatile std::byte*>(side.arena) = std::byte{1};
  side.word.store(0);
}

void prepare(Side& side, const Call& call, bool is_traced) {
  side.child_marks_begin = is_traced && (call.traits & child_marks_begin) != 0;
  if (call.prepare != nullptr) call.prepare(side);
}

void check_answer(const Call& call, long answer) {
  const bool holds = call.error != 0 ? answer == call.error : answer >= 0;
  user::check(holds, "{} answers {}", call.name, answer);
}

void clean_up(Side& side, const Call& call) {
  if (call.clean_up != nullptr) call.clean_up(side);
}

// Makes the call once without a trace: its memory is then in the caches and pools of the kernel.
void warm_up(Side& side, const Call& call) {
  prepare(side, call, false);
  check_answer(call, call.run(side));
  clean_up(side, call);
}

// Lets the hart idle, so that it frees its retired frames and objects (docs/harts.md), for example
// the frames that unshare() has replaced. Otherwise the traced call would free them if it waits.
void idle_once() {
  must(user::sleep_for(std::chrono::microseconds{1}), "sleep");
}

void make_traced(Side& side, const Call& call) {
  unshare(side);
  idle_once();
  if ((call.traits & child_marks_begin) == 0) mark_begin();
  const long answer = call.run(side);
  mark_end();
  check_answer(call, answer);
}

// The second side executes orders of the first one.
enum class Phase : std::uint8_t { warm_up, prepare, make, clean_up, end };
struct Order {
  Phase phase;
  std::uint8_t call;
};

void execute(Side& side, Phase phase, const Call& call) {
  switch (phase) {
    case Phase::warm_up: warm_up(side, call); break;
    case Phase::prepare: prepare(side, call, true); break;
    case Phase::make: make_traced(side, call); break;
    case Phase::clean_up: clean_up(side, call); break;
    case Phase::end: break;
  }
}

struct Channel {
  user::Pipe orders = must(user::make_pipe(), "a pipe");
  user::Pipe answers = must(user::make_pipe(), "a pipe");

  void close() const {
    for (const auto fd : {orders.read_end, orders.write_end, answers.read_end, answers.write_end}) {
      must(user::close(fd), "close");
    }
  }
};

void set_up(Side& side) {
  must(user::set_affinity(0, 1ul << side.index), "a machine with two harts");
  constexpr std::uintptr_t first = 0x10'0000'0000, distance = 0x1'0000'0000;
  side.arena = must(user::map_memory(user::page_size, abi::prot_read | abi::prot_write,
                                     abi::map_fixed, first + distance * side.index),
                    "memory");
  unshare(side);
}

void obey(Side& side, const Channel& channel) {
  set_up(side);
  for (Order order{}; order.phase != Phase::end;) {
    must(user::read(channel.orders.read_end, std::as_writable_bytes(std::span{&order, 1})),
         "an order");
    execute(side, order.phase, all_calls()[order.call]);
    must(user::write(channel.answers.write_end, std::as_bytes(std::span{&order, 1})), "an answer");
  }
}

void order(const Channel& channel, Order order) {
  must(user::write(channel.orders.write_end, std::as_bytes(std::span{&order, 1})), "an order");
  must(user::read(channel.answers.read_end, std::as_writable_bytes(std::span{&order, 1})),
       "an answer");
}

struct Pair {
  std::uint8_t first, second;  // indices of calls
};

// Each side completes a phase before the next one begins. The order is fixed, so traced calls do
// not overlap and the trace repeats.
void make(const Pair& pair, const Channel& channel) {
  for (const auto phase : {Phase::warm_up, Phase::prepare, Phase::make, Phase::clean_up}) {
    execute(sides[0], phase, all_calls()[pair.first]);
    order(channel, {phase, pair.second});
  }
}

std::vector<Pair> pairs(std::span<const std::string_view> names, bool in_one_process) {
  std::vector<Pair> pairs;
  const auto calls = all_calls();
  const auto is_chosen = [&](const Call& call) {
    if (names.empty()) return (call.traits & shares_object) == 0;
    return std::ranges::contains(names, call.name);
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    for (std::size_t j = i; j < calls.size(); ++j) {
      if (!is_chosen(calls[i]) || !is_chosen(calls[j])) continue;
      if (in_one_process && !commute_in_one_process(calls[i], calls[j])) continue;
      pairs.push_back({static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(j)});
    }
  }
  return pairs;
}

void make_by_threads(std::span<const Pair> pairs) {
  const Channel channel;
  user::Thread second{[&] { obey(sides[1], channel); }};
  for (const auto& pair : pairs) make(pair, channel);
  order(channel, {Phase::end, 0});
  second.join();
  channel.close();
}

void make_by_processes(std::span<const Pair> pairs) {
  const Channel channel;
  const auto second = must(user::fork(), "fork");
  if (second == 0) {
    obey(sides[1], channel);
    user::exit(0);
  }
  for (const auto& pair : pairs) make(pair, channel);
  order(channel, {Phase::end, 0});
  const auto ended = must(user::wait(second), "wait4");
  user::check(ended.status.shell_code() == 0, "the second process failed");
  channel.close();
}

void make_folder(Side& side, unsigned index) {
  side.index = index;
  const auto path = [&](std::array<char, 32>& to, std::string_view name) {
    std::ranges::copy(user::format("/tmp/side{}{}", index, name), to.begin());
  };
  path(side.folder, "");
  path(side.data, "/data");
  path(side.entry, "/entry");
  path(side.renamed, "/renamed");
  must(user::make_directory(side.folder.data()), "mkdir");
  const auto file = must(user::open(side.data.data(), abi::o_wronly | abi::o_creat), "open");
  must(user::write_all(file, std::string(user::page_size, 'x')), "write");
  must(user::close(file), "close");
}

int run(std::span<const std::string_view> names) {
  for (const auto name : names) {
    if (std::ranges::contains(all_calls(), name, &Call::name)) continue;
    std::string known;
    for (const auto& call : all_calls()) known += user::format(" {}", call.name);
    user::complain("conflicts: there is no call {}; the calls are{}", name, known);
    return 2;
  }
  const auto shared_pipe = must(user::make_pipe(), "a pipe");
  for (unsigned i = 0; i < 2; ++i) {
    make_folder(sides[i], i);
    sides[i].shared_pipe = shared_pipe;
  }
  set_up(sides[0]);
  const auto by_threads = pairs(names, true), by_processes = pairs(names, false);
  make_by_threads(by_threads);
  make_by_processes(by_processes);
  for (const auto& [state, made] :
       {std::pair{"threads", by_threads}, {"processes", by_processes}}) {
    for (const auto& [first, second] : made) {
      user::println("{}\t{}\t{}", state, all_calls()[first].name, all_calls()[second].name);
    }
  }
  return 0;
}

}  // namespace
}  // namespace conflicts

int main(int argc, char** argv) {
  const std::vector<std::string_view> words{argv + 1, argv + argc};
  return conflicts::run(words);
}

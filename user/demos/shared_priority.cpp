// Two programs on one hart, with coroutines of different priorities. With separate schedulers the
// kernel sees two equally urgent threads, and one program does all its work before the other. If
// they share priorities with the kernel, the most urgent coroutine of both programs runs first.
//
//   shared-priority                                  the demo
//   shared-priority player NAME SHARES PRIORITY …    coroutines that wait for a byte each
#include <user/async.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/process.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

COTRAP_DEMO(.description =
                "coroutines of two programs run in the order of priority, as under one scheduler",
            .icount = true);

using namespace user;
using async::Task;

namespace {

constexpr int players_priority = 10, referees_priority = 50;  // Linux real-time priorities

struct Turn {
  char player;
  std::uint8_t priority;  // of the coroutine
};

constexpr Fd ready_output{3};  // a player writes a byte here when all its coroutines wait

std::span<std::byte> bytes_of(auto& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

void compute() {
  for (volatile int i = 0; i < 20'000; i = i + 1) {
  }
}

// The player

Task<> take_turn(Turn turn) {
  char go;
  check(co_await sys::read(standard_input, bytes_of(go)) == 1,
        "a byte from the referee starts the turn");
  compute();
  must(write(standard_output, bytes_of(turn)), "reporting to the referee");
}

// Sleeps first, so that the other coroutines wait by the time of the report.
Task<> report_ready() {
  co_await async::sleep_for(1ms);
  must(write(ready_output, "!"), "reporting to the referee");
}

Task<> play(char name, std::span<const std::uint8_t> priorities) {
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (const auto priority : priorities) {
      scope.spawn(take_turn({name, priority}), {.name = "turn", .priority = priority});
    }
    scope.spawn(report_ready(), {.name = "report"});
    co_return;
  });
}

int player(char name, bool shares, std::span<char*> arguments) {
  std::vector<std::uint8_t> priorities;
  for (const std::string_view text : arguments) {
    std::from_chars(text.begin(), text.end(), priorities.emplace_back());
  }
  must(set_realtime_priority(0, players_priority), "a real-time priority");
  run(play(name, priorities), {.shares_priority = shares});
  return 0;
}

// The referee. It is more urgent than both players, so they run only while it waits.

struct Player {
  Fd go;     // a byte starts a turn
  Fd ready;  // gives a byte when all coroutines of the player wait, and ends with the player
};

Player start(const char* name, bool shares, std::initializer_list<const char*> priorities,
             Fd results) {
  const auto go = must(make_pipe(abi::o_cloexec), "a pipe");
  const auto ready = must(make_pipe(abi::o_cloexec), "a pipe");
  std::vector<const char*> arguments{"shared-priority", "player", name, shares ? "1" : "0"};
  arguments.insert(arguments.end(), priorities);
  arguments.push_back(nullptr);
  const FdMapping fds[] = {
      {go.read_end, standard_input}, {results, standard_output}, {ready.write_end, ready_output}};
  must(spawn(program_path(), arguments.data(), {.fds = fds}), "starting a player");
  for (const Fd fd : {go.read_end, ready.write_end}) must(close(fd), "closing");
  return {go.write_end, ready.read_end};
}

std::vector<Turn> play_both(bool shares) {
  const auto results = must(make_pipe(abi::o_cloexec), "a pipe");
  const Player a = start("a", shares, {"10", "2", "6"}, results.write_end);
  const Player b = start("b", shares, {"4", "12", "8"}, results.write_end);
  must(close(results.write_end), "closing");
  for (const Player& player : {a, b}) {
    char byte;
    check(must(read(player.ready, bytes_of(byte)), "reading") == 1, "each player becomes ready");
  }
  for (const Fd go : {a.go, a.go, a.go, b.go, b.go, b.go}) must(write(go, "!"), "go");
  std::vector<Turn> turns;
  for (Turn turn; must(read(results.read_end, bytes_of(turn)), "reading") == sizeof turn;) {
    turns.push_back(turn);
  }
  for (const Fd fd : {a.go, a.ready, b.go, b.ready, results.read_end}) must(close(fd), "closing");
  for (int i = 0; i < 2; ++i)
    check(must(wait(), "waiting").status.word() == 0, "a player exits with 0");
  std::string text;
  for (const Turn turn : turns) text += format(" {}{}", turn.player, turn.priority);
  println("{}:{}", shares ? "one scheduler " : "two schedulers", text);
  check(turns.size() == 6, "all six coroutines took their turns");
  return turns;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 4 && std::string_view{argv[1]} == "player") {
    return player(argv[2][0], argv[3][0] == '1', std::span{argv + 4, argv + argc});
  }
  must(set_affinity(0, 1), "moving to hart 0");
  must(set_realtime_priority(0, referees_priority), "a real-time priority");
  const auto apart = play_both(false);
  check(std::ranges::count_if(apart, [&](Turn turn) { return turn.player == apart[0].player; }) ==
                apart.size() / 2 &&
            apart[0].player == apart[2].player,
        "with two schedulers, one program does all its work before the other");
  check(std::ranges::is_sorted(play_both(true), {}, &Turn::priority),
        "with one scheduler, the most urgent coroutine runs first");
}

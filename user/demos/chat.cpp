// A chat: people are programs, and the room is a seqpacket socket with an abstract name. The room
// passes each message on to the other people. SO_PEERCRED shows which program has sent a message.
// The room gives each person the descriptor of its guest book, which no path leads to.
//
//   chat                       the room, and the people that it starts
//   chat person ROOM NAME      one of them
#include <user/check.h>
#include <user/demo.h>
#include <user/process.h>
#include <user/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

COTRAP_DEMO(.description = "people chat over AF_UNIX sockets, and every message reaches the others",
            .harts = 2);

using namespace user;

namespace {

constexpr std::array<const char*, 3> names = {"ann", "ben", "cat"};
constexpr int lines = 200;
constexpr std::string_view start = "begin", welcome = "welcome";

using Room = std::array<char, 128>;

std::string text_of(int number) {
  std::array<char, 12> digits;
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr};
}

// ── A person ──

// Says its lines, and hears those of the others in the order in which each was said.
class Person {
 public:
  Person(Fd room, std::string_view name) : room_{room}, name_{name} {}

  void chat() {
    for (int said = 0, heard = 0; said < lines || heard < others * lines;) {
      abi::PollFd wait{.fd = room_, .events = abi::pollin, .returned = 0};
      if (said < lines) wait.events |= abi::pollout;
      must(poll({&wait, 1}), "waiting");
      if ((wait.returned & abi::pollin) != 0) {
        hear();
        ++heard;
      } else {
        const std::string line = std::string{name_} + ' ' + text_of(said++);
        must(send(room_, line), "speaking");
      }
    }
  }

 private:
  static constexpr int others = names.size() - 1;

  void hear() {
    Room room;
    const std::string_view line = must(receive(room_, room), "hearing");
    const std::size_t space = line.find(' ');
    check(space != line.npos, "a message arrives whole: '{}'", line);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (line.substr(0, space) != names[i]) continue;
      check(line.substr(space + 1) == text_of(next_[i]++), "{} hears '{}' in its turn", name_,
            line);
      return;
    }
    fail("a stranger speaks: '{}'", line);
  }

  Fd room_;
  std::string_view name_;
  std::array<int, names.size()> next_{};
};

int be_person(std::string_view room_name, std::string_view name) {
  const Fd room = must(connect_to(room_name, abi::sock_seqpacket), "entering the room");
  must(send(room, name), "the first message");
  Room text;
  const ReceivedFile book = must(receive_file(room, text), "the guest book");
  check(book.text == welcome && book.file >= 0, "a person gets the guest book");
  must(write_all(book.file, std::string{name} + '\n'), "signing");
  must(close(book.file), "closing the guest book");
  check(must(receive(room, text), "the start") == start, "the room says when it begins");
  Person{room, name}.chat();
  return 0;
}

// ── The room ──

struct Guest {
  Fd fd;
  std::string name;
  bool has_left = false;
};

int run_room() {
  const std::string room_name = "chat." + text_of(process_id());
  const Fd door = must(listen_as(room_name, abi::sock_seqpacket), "opening the room");
  std::vector<Pid> programs;
  for (const char* name : names) {
    const char* const arguments[] = {"chat", "person", room_name.c_str(), name, nullptr};
    programs.push_back(must(spawn(program_path(), arguments), "starting a person"));
  }

  const Pipe book = must(make_pipe(abi::o_cloexec), "the guest book");
  std::vector<Guest> guests;
  Room text;
  while (guests.size() < names.size()) {
    const Fd fd = must(accept(door, abi::sock_cloexec), "a person enters");
    const std::string_view name = must(receive(fd, text), "its name");
    const Pid pid = must(peer_of(fd), "its number").pid;
    const auto at = std::ranges::find(names, name);
    check(at != names.end() && programs[static_cast<std::size_t>(at - names.begin())] == pid,
          "the kernel says that {} is the program that was started for it", name);
    guests.push_back({.fd = fd, .name = std::string{name}});
    must(send_file(fd, welcome, book.write_end), "passing the guest book");
  }
  must(close(book.write_end), "closing the guest book");
  for (const Guest& guest : guests) must(send(guest.fd, start), "beginning");

  long passed = 0;
  for (std::size_t left = guests.size(); left > 0;) {
    std::array<abi::PollFd, names.size()> waits;
    for (std::size_t i = 0; i < guests.size(); ++i)
      waits[i] = {
          .fd = guests[i].has_left ? -1 : guests[i].fd, .events = abi::pollin, .returned = 0};
    must(poll(waits), "waiting");
    for (std::size_t i = 0; i < guests.size(); ++i) {
      if (waits[i].returned == 0) continue;
      const auto line = must(receive(guests[i].fd, text), "a message");
      if (line.empty()) {
        guests[i].has_left = true;
        --left;
        continue;
      }
      for (const Guest& guest : guests) {
        if (guest.fd == guests[i].fd) continue;
        must(send(guest.fd, line), "passing a message on");
        ++passed;
      }
    }
  }

  for (const Pid pid : programs) {
    const Ended ended = must(wait(pid), "the end of a person");
    check(ended.status.word() == 0, "a person has heard all messages");
  }
  std::string signatures;
  while (const std::size_t count = must(read(book.read_end, std::span<char>{text}), "reading"))
    signatures.append(text.data(), count);
  for (const char* name : names)
    check(signatures.contains(std::string{name} + '\n'), "{} has signed the guest book", name);
  const long expected = static_cast<long>(names.size() * (names.size() - 1) * lines);
  check(passed == expected, "the room passed {} messages on instead of {}", passed, expected);
  println("{} people said {} lines each; the room passed {} messages on, and all arrived in order",
          names.size(), lines, passed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view{argv[1]} == "person") return be_person(argv[2], argv[3]);
  return run_room();
}

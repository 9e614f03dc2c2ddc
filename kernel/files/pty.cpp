#include "files/pty.h"

#include <abi/terminal.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <memory>
#include <utility>

#include "console/byte_ring.h"
#include "formats/numbers.h"
#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

constexpr std::uint8_t first_major = 136;  // of the terminals, as on Linux
constexpr int minors_each = 256;

/// What a terminal has written, until the other end reads it.
class PtyScreen final : public Screen {
 public:
  static constexpr std::size_t size = 8192;
  static_assert(size / 2 >= Terminal::room_for_write);

  std::size_t room() override { return ring_.free(); }
  std::span<char> place() override { return ring_.room(); }
  void put(std::size_t count) override {
    ring_.put(count);
    if (!readable_.empty()) readable_.wake_all();
  }
  void ask_for_room() override { is_asked_ = true; }

  std::span<const char> front() const { return ring_.front(); }
  std::size_t filled() const { return size - ring_.free(); }
  /// Returns whether the terminal has asked for room, and has it now.
  bool take(std::size_t count) {
    ring_.take(count);
    return is_asked_ && ring_.free() >= size / 2 && std::exchange(is_asked_, false);
  }
  async::WaitList& readable() { return readable_; }

 private:
  ByteRing<size> ring_;
  bool is_asked_ = false;
  async::WaitList readable_;
};

class Pty;

/// The pairs whose other end is open, by number.
struct Ptys {
  static constexpr std::size_t word_bits = 64;
  static_assert(most_ptys % word_bits == 0);

  void set(int number, Pty* pty) {
    const auto at = static_cast<std::size_t>(number);
    all[at] = pty;
    const std::uint64_t bit = std::uint64_t{1} << at % word_bits;
    used[at / word_bits] =
        pty != nullptr ? used[at / word_bits] | bit : used[at / word_bits] & ~bit;
  }
  /// The lowest number from `first` on that is used or free; negative: there is none.
  int next(std::size_t first, bool is_used) const {
    std::uint64_t from_first = ~std::uint64_t{0} << first % word_bits;
    for (std::size_t word = first / word_bits; word < used.size(); ++word) {
      const std::uint64_t found = (is_used ? used[word] : ~used[word]) & from_first;
      if (found != 0) return static_cast<int>(word * word_bits) + std::countr_zero(found);
      from_first = ~std::uint64_t{0};
    }
    return -1;
  }

  std::array<Pty*, most_ptys> all{};
  std::array<std::uint64_t, most_ptys / word_bits> used{};  // a bit for each number
  Ref<Directory> directory;                                 // /dev/pts
  TerminalUsers* users = nullptr;
};
Ptys& ptys() {
  static Ptys ptys;
  return ptys;
}

/// A pair. Its owners are the open files of both ends, and the node of the terminal.
class Pty final : public RefCounted<Pty>, public Terminal {
 public:
  explicit Pty(int number)
      : Terminal{screen_,
                 LineEditor::Input::typed,
                 {},
                 ptys().users,
                 {static_cast<std::uint8_t>(first_major + number / minors_each),
                  static_cast<std::uint8_t>(number % minors_each)},
                 no_session},
        number_{number} {}

  Result<Ref<File>> open(Node& node, int flags) override;

  int number() const { return number_; }
  PtyScreen& screen() { return screen_; }
  bool is_locked() const { return is_locked_; }
  void set_locked(bool locked) { is_locked_ = locked; }

  /// Returns true if every open file of the terminal has been closed. Reads of the other end then
  /// fail at once.
  bool is_left() const { return was_opened_ && open_files_ == 0; }
  void note_open() {
    was_opened_ = true;
    ++open_files_;
  }
  void note_close() {
    if (--open_files_ == 0) wake_device();
  }
  void hang_up_files() override {
    count_hang_up();
    open_files_ = 0;
    wake_device();
  }

  /// Adds the terminal to /dev/pts.
  void add_name();
  /// Returns the node /dev/pts/N. Call it after add_name() and before end().
  Node& node() { return name_->node(); }
  /// The program closes the device: hangs the terminal up.
  void end() {
    ptys().set(number_, nullptr);
    Directory::remove_unlisted(std::move(name_));
    hang_up();
  }

 private:
  friend RefCounted<Pty>;
  ~Pty() override = default;
  void wake_device() {
    screen_.readable().wake_all();
    room().wake_all();
  }

  PtyScreen screen_;
  const int number_;
  bool is_locked_ = true;  // until unlockpt(3)
  bool was_opened_ = false;
  unsigned open_files_ = 0;
  std::unique_ptr<Directory::Entry> name_;
};

/// /dev/pts/N.
class PtyNode final : public Node {
 public:
  explicit PtyNode(Ref<Pty> pty) : Node{abi::s_ifchr | 0600}, pty_{std::move(pty)} {}
  std::uint64_t device_number() const override {
    return static_cast<std::uint64_t>(pty_->device().major) << 8 | pty_->device().minor;
  }
  bool is_writable() const override { return true; }
  bool has_settable_status() const override { return true; }
  Result<Ref<File>> open(int flags) override {
    return (flags & abi::o_path) != 0 ? open_path(flags) : pty_->open(*this, flags);
  }

 private:
  Ref<Pty> pty_;
};

/// An open file of the terminal.
class PtyFile final : public TerminalFile {
 public:
  PtyFile(Node& node, Ref<Pty> pty, int flags)
      : TerminalFile{node, *pty, flags}, pty_{std::move(pty)} {
    pty_->note_open();
  }
  ~PtyFile() override {
    if (!is_hung_up()) pty_->note_close();
  }
  hal::Irq interrupt_line() override { return hal::Irq::none; }

 private:
  Ref<Pty> pty_;
};

Result<Ref<File>> Pty::open(Node& node, int flags) {
  async::Strand::check_access();
  if (is_locked_ || is_hung_up()) return fail(Errno::eio);
  if (!memory::can_allocate(sizeof(PtyFile))) return fail(Errno::enomem);
  take_by_open(flags);
  return Ref<File>{make_ref<PtyFile>(node, Ref<Pty>::share(*this), flags)};
}

void Pty::add_name() {
  std::array<char, 12> text;
  const char* const end = std::to_chars(text.begin(), text.end(), number_).ptr;
  auto node = make_ref<PtyNode>(Ref<Pty>::share(*this));
  node->set_file_system(ptys().directory->file_system());
  name_ = ptys().directory->add_unlisted({text.begin(), end}, std::move(node));
}

/// The end of the program that is the device: an open of /dev/ptmx.
class PtyDeviceFile final : public File {
 public:
  PtyDeviceFile(Node& node, Ref<Pty> pty, int flags)
      : File{flags & ~abi::o_noctty, 1}, node_{Ref<Node>::share(node)}, pty_{std::move(pty)} {
    let_send_signals();
  }
  ~PtyDeviceFile() override { pty_->end(); }

  Result<std::size_t> try_read(IoBuffer& buffer) override {
    PtyScreen& screen = pty_->screen();
    std::size_t done = 0;
    while (!buffer.empty() && screen.filled() != 0) {
      const auto moved = buffer.put(
          std::as_bytes(screen.front().first(std::min(screen.front().size(), buffer.left()))));
      if (!moved) return done > 0 ? Result<std::size_t>{done} : moved;
      if (screen.take(*moved)) pty_->wake_writers();
      done += *moved;
    }
    if (done > 0) return done;
    return fail(pty_->is_left() ? Errno::eio : Errno::would_block);
  }

  Result<std::size_t> try_write(IoBuffer& buffer) override {
    std::size_t done = 0;
    while (!buffer.empty() && done < Terminal::largest_write) {
      std::array<std::byte, 64> bytes;
      const std::size_t most = std::min({bytes.size(), buffer.left(), pty_->free_slots()});
      if (most == 0) break;
      const auto taken = buffer.take(std::span{bytes}.first(most));
      if (!taken) return done > 0 ? Result<std::size_t>{done} : taken;
      for (const std::byte byte : std::span{bytes}.first(*taken)) {
        pty_->receive(static_cast<char>(byte));
      }
      done += *taken;
    }
    return done > 0 ? Result<std::size_t>{done} : fail(Errno::would_block);
  }

  short readiness() override {
    short ready = 0;
    if (pty_->screen().filled() != 0) ready |= abi::pollin | abi::pollrdnorm;
    if (pty_->is_left()) ready |= abi::pollhup;
    if (pty_->has_room()) ready |= abi::pollout | abi::pollwrnorm;
    return ready;
  }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &pty_->screen().readable() : &pty_->room();
  }

  abi::Stat status() override { return node_->status(); }
  Node* node() override { return node_.get(); }
  Result<Ref<File>> open_peer(int flags) override { return pty_->open(pty_->node(), flags); }

  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override {
    const auto give = [&](int value) -> Result<int> {
      if (auto written = UserPtr<int>{argument}.write(space, value); !written)
        return fail(written.error());
      return 0;
    };
    switch (request) {
      case abi::tiocgptn: return give(pty_->number());
      case abi::tiocgptlck: return give(pty_->is_locked());
      case abi::tiocsptlck: {
        const auto lock = UserPtr<const int>{argument}.read(space);
        if (!lock) return fail(lock.error());
        pty_->set_locked(*lock != 0);
        return 0;
      }
      case abi::fionread: return give(static_cast<int>(pty_->screen().filled()));
      case abi::tcflsh: {
        // The input of the device is what the terminal has written. The terminal takes the device's
        // output at once, so there is none to drop.
        constexpr std::uintptr_t output = 1, both = 2;
        if (argument > both) return fail(Errno::einval);
        PtyScreen& screen = pty_->screen();
        if (argument != output && screen.take(screen.filled())) pty_->wake_writers();
        return 0;
      }
      case abi::tiocsig: {
        const auto signal = static_cast<abi::Signal>(argument);
        if (argument != static_cast<std::uintptr_t>(signal) ||
            (signal != abi::Signal::sigint && signal != abi::Signal::sigquit &&
             signal != abi::Signal::sigtstp)) {
          return fail(Errno::einval);
        }
        ptys().users->signal_group(pty_->foreground_group(), signal);
        return 0;
      }
      // The program need not belong to the terminal's session.
      case abi::tiocgpgrp: return give(pty_->foreground_group());
      case abi::tiocgsid:
        if (pty_->session() == Terminal::no_session) return fail(Errno::enotty);
        return give(pty_->session());
      default: return pty_->control(space, request, argument);
    }
  }

 private:
  Ref<Node> node_;
  Ref<Pty> pty_;
};

Result<Ref<File>> open_multiplexer(Device& device, int flags) {
  async::Strand::check_access();
  if (!memory::can_allocate_contiguous(sizeof(Pty)) ||
      !memory::can_allocate(sizeof(Pty) + sizeof(PtyNode) + sizeof(PtyDeviceFile) +
                            Directory::entry_bytes))
    return fail(Errno::enomem);
  const int number = ptys().next(0, false);
  if (number < 0) return fail(Errno::enospc);
  auto pty = make_ref<Pty>(number);
  ptys().set(number, pty.get());
  pty->add_name();
  return Ref<File>{make_ref<PtyDeviceFile>(device, std::move(pty), flags)};
}

Result<Node*> find_pty(Directory&, std::string_view name) {
  const auto number = formats::parse_number(name);
  if (!number || (name.front() == '0' && name != "0") || *number >= most_ptys) return nullptr;
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  Pty* const pty = ptys().all[*number];
  return pty != nullptr ? &pty->node() : nullptr;
}

/// The smallest number of a terminal behind `after`; negative: there is none.
int next_pty(const Directory&, int after) {
  return ptys().next(static_cast<std::size_t>(after + 1), true);
}

}  // namespace

Ref<Directory> make_pty_directory(TerminalUsers* users) {
  auto directory = make_ref<Directory>();
  directory->set_find_unlisted(find_pty);
  directory->set_next_unlisted(next_pty, abi::s_ifchr);
  directory->put("ptmx", make_pty_multiplexer());
  ptys().directory = directory;
  ptys().users = users;
  return directory;
}

Ref<Node> make_pty_multiplexer() {
  return make_ref<Device>(open_multiplexer, DeviceNumber{5, 2});
}

}  // namespace kernel

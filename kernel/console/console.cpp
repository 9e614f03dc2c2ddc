#include "console/console.h"

#include <algorithm>
#include <chrono>

namespace kernel {

Console console;

async::Task<> Console::serve(async::Interrupt& line) {
  const hal::Irq irq = hal::console_interrupt();
  if (irq == hal::Irq::none) co_return co_await poll();

  hal::enable_interrupt(irq);
  while (co_await line.wait("serial port") == async::WaitResult::woken) {
    if (const auto pause = backoff_.after(serve_device())) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      (void)serve_device();
    }
    hal::complete_interrupt(irq);
  }
}

async::Task<> Console::poll() {
  using namespace std::chrono_literals;
  do {
    (void)serve_device();
  } while (co_await async::sleep_for(10ms, "the next console poll") == async::WaitResult::woken);
}

bool Console::serve_device() {
  const bool received = receive();
  const bool was_sent = send();
  const hal::ConsoleLock lock;
  listen();
  return received || was_sent;
}

/// Moves bytes from the device to the input ring. Bytes for which the ring has no room stay in the
/// device, which then stops the sender. Returns whether any byte was moved.
bool Console::receive() {
  bool any = false;
  for (std::span<char> room; !(room = input_.room()).empty(); any = true) {
    const auto byte = hal::console_read();
    if (!byte) break;
    room.front() = *byte;
    input_.put(1);
  }
  if (any) has_input_.raise();
  return any;
}

/// Takes a ConsoleLock for each burst, so that other harts do not wait long. Limits the bytes sent
/// in one interrupt, because a device may take bytes as fast as they are written.
bool Console::send() {
  constexpr std::size_t at_once = 1024;
  std::size_t done = 0;
  while (done < at_once) {
    const hal::ConsoleLock lock;
    const std::size_t count = send_some();
    if (count == 0) break;
    done += count;
  }
  return done > 0;
}

std::size_t Console::send_some() {
  const std::span<const char> bytes = output_.front();
  if (bytes.empty()) return 0;
  const std::size_t count = hal::console_send(bytes);
  sent(count);
  return count;
}

void Console::sent(std::size_t count) {
  output_.take(count);
  if (!asked_for_room_.load(std::memory_order_relaxed) || output_.free() < ring_size / 2) return;
  asked_for_room_.store(false, std::memory_order_relaxed);
  has_room_.raise();
}

void Console::listen() {
  hal::console_listen({.input = input_.free() > 0, .output = !output_.empty()});
}

void Console::frame_output() {
  const hal::ConsoleLock lock;
  framed_ = true;
}

void Console::write_now(std::span<const char> text) {
  const hal::ConsoleLock lock;
  for (std::span<const char> before; !(before = output_.front()).empty();) {
    hal::console_write(before);
    sent(before.size());
  }
  while (framed_) {
    const auto at = static_cast<std::size_t>(std::ranges::find(text, escape) - text.begin());
    if (at == text.size()) break;
    hal::console_write(text.first(at + 1));
    hal::console_write({&escape, 1});
    text = text.subspan(at + 1);
  }
  hal::console_write(text);
}

/// Sends as much as the device accepts now, so that a short text needs no interrupt.
void Console::put(std::size_t count) {
  async::Strand::check_access();
  const bool alone = output_.empty();
  output_.put(count);
  const hal::ConsoleLock lock;
  if (alone) (void)send_some();
  listen();
}

void Console::put_frame(Stream stream, std::span<const char> text) {
  std::size_t size = 0;
  const auto add = [&](char byte) { output_.place(size++) = byte; };
  const auto change_to = [&](Stream next) {
    add(escape);
    add(static_cast<char>(next));
  };
  if (stream != Stream::output) change_to(stream);
  for (const char byte : text) {
    if (byte == escape) add(escape);
    add(byte);
  }
  if (stream != Stream::output) change_to(Stream::output);
  put(size);
}

void Console::put_if_room(std::span<const char> text) {
  if (text.size() > room()) return;
  while (!text.empty()) {
    const std::span<char> here = place();
    const std::size_t count = std::min(here.size(), text.size());
    std::copy_n(text.data(), count, here.data());
    put(count);
    text = text.subspan(count);
  }
}

void Console::ask_for_room() {
  const hal::ConsoleLock lock;
  asked_for_room_.store(true, std::memory_order_relaxed);
  sent(0);
}

std::optional<char> Console::take() {
  async::Strand::check_access();
  const std::span<const char> bytes = input_.front();
  if (bytes.empty()) return std::nullopt;
  const char byte = bytes.front();
  input_.take(1);
  return byte;
}

void Console::resume_input() {
  const hal::ConsoleLock lock;
  listen();
}

}  // namespace kernel

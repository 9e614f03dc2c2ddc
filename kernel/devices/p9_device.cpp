#include "devices/p9_device.h"

#include <kernel/log.h>

#include <algorithm>

#include "devices/interrupts.h"

namespace kernel {
namespace {

constexpr std::uint64_t has_mount_tag = 1;  // VIRTIO 1.2, 5.13.3

}  // namespace

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────

void P9Request::add(hal::PhysAddr memory, std::size_t bytes) {
  data_bytes_ += bytes;
  chain_[1 + pieces_++] = type_ == p9::Type::write ? virtio::Descriptor::for_reading(memory, bytes)
                                                   : virtio::Descriptor::for_writing(memory, bytes);
}

std::span<virtio::Descriptor> P9Request::make_chain(std::uint16_t tag) {
  tag_ = type_ == p9::Type::version ? p9::no_tag : tag;
  const bool writes = type_ == p9::Type::write;
  const std::size_t bytes = message_.finish(type_, tag_, writes ? data_bytes_ : 0);
  const auto message = virtio::Descriptor::for_reading(hal::virt_to_phys(message_start_), bytes);
  // Before data that the device writes there is room for exactly a header and a count. An error is
  // as long.
  static_assert(p9::error_bytes == p9::data_offset);
  const bool reads = has_data() && !writes;
  const auto answer = virtio::Descriptor::for_writing(hal::virt_to_phys(answer_.data()),
                                                      reads ? p9::data_offset : answer_.size());
  chain_[0] = message;
  if (writes) {
    chain_[1 + pieces_] = answer;
  } else {
    std::move_backward(&chain_[1], &chain_[1 + pieces_], &chain_[2 + pieces_]);
    chain_[1] = answer;
  }
  return std::span{chain_}.first(2 + pieces_);
}

void P9Request::take_answer(std::size_t written) {
  const bool reads = has_data() && type_ != p9::Type::write;
  const std::size_t room = reads ? p9::data_offset : answer_.size();
  const auto size = p9::check_answer(answer_.first(std::min(room, written)), written, type_, tag_);
  if (!size) return finish(fail(size.error()));
  answer_bytes_ = static_cast<std::uint32_t>(*size);
  answered_ = std::min(room, *size);
  finish({});
}

Result<std::size_t> P9Request::data_count() const {
  p9::Reader reader{body()};
  const auto count = reader.take<std::uint32_t>();
  if (!reader.is_whole() || count > data_bytes_ || count != answer_bytes_ - p9::data_offset)
    return fail(Errno::eio);
  return count;
}

// ── The device ───────────────────────────────────────────────────────────────────────────────────

P9Device::P9Device(virtio::Transport& transport)
    : transport_{transport},
      line_{kernel::interrupt_line(transport.irq())},
      device_{transport, virtio::Virtqueue::largest} {}

std::unique_ptr<P9Device> P9Device::start(virtio::Transport& transport) {
  std::unique_ptr<P9Device> device{new P9Device{transport}};
  if (!device->start_device()) {
    log("9p: the driver cannot start the file server");
    return nullptr;
  }
  log("9p: the file server '{}', queue of {}", device->tag(), device->device_.queue().size());
  return device;
}

bool P9Device::start_device() {
  if (!device_.start(has_mount_tag | virtio::feature::indirect_descriptors)) return false;
  indirect_ = device_.has(virtio::feature::indirect_descriptors);
  // A chain must not be longer than the queue (2.7.5.3.1).
  const unsigned size = device_.queue().size();
  most_pieces_ = std::min<std::size_t>(P9Request::most_pieces, size > 2 ? size - 2 : 0);
  if (most_pieces_ == 0) return false;
  if (device_.has(has_mount_tag)) read_tag();
  return true;
}

/// The tag follows its length, which has two bytes (5.13.4).
void P9Device::read_tag() {
  const std::size_t length =
      transport_.read_config_byte(0) | std::size_t{transport_.read_config_byte(1)} << 8;
  for (std::size_t i = 0; i < std::min(length, longest_tag); ++i)
    tag_.push_back(static_cast<char>(transport_.read_config_byte(2 + i)));
}

async::Task<Result<>> P9Device::run(Ref<P9Request> request) {
  if (is_dead_ || !request->message().has_room()) co_return fail(Errno::eio);
  request->retain();
  request->is_waiting_ = true;
  waiting_.push_back(*request);
  put_in();
  const auto woken =
      co_await request->done_.wait_until(async::now() + request_timeout, "file server");
  if (woken == async::WaitResult::woken) co_return request->result_;
  if (request->is_waiting_) {
    request->is_waiting_ = false;
    waiting_.remove(*request);
    request->release();
  }
  co_return fail(woken == async::WaitResult::cancelled ? Errno::eintr : Errno::eio);
}

/// Submits waiting requests while there are tags, and room in the queue.
void P9Device::put_in() {
  bool any = false;
  while (!is_dead_ && !waiting_.empty() && put_in_first()) any = true;
  if (any && device_.queue().wants_notification()) transport_.notify(0);
}

bool P9Device::put_in_first() {
  P9Request& first = waiting_.front();
  virtio::Virtqueue& queue = device_.queue();
  const auto tag = std::ranges::find(in_flight_, Ref<P9Request>{});
  const std::size_t descriptors = indirect_ ? 1 : 2 + first.pieces_;
  if (tag == in_flight_.end() || !queue.has_room_for(descriptors)) return false;
  first.is_waiting_ = false;
  waiting_.remove(first);
  const auto chain = first.make_chain(static_cast<std::uint16_t>(tag - in_flight_.begin()));
  if (indirect_) {
    queue.add_indirect(chain, &*tag);
  } else {
    queue.add(chain, &*tag);
  }
  *tag = Ref<P9Request>::adopt(&first);
  return true;
}

async::Task<> P9Device::serve() {
  while (co_await line_.wait("file server") == async::WaitResult::woken) {
    const std::uint32_t causes = transport_.acknowledge();
    bool useful = collect() > 0;
    if (!is_dead_) {
      if (device_.queue().is_broken()) die("its used ring is invalid");
      if ((causes & virtio::cause::configuration) != 0) {
        useful = true;
        if (device_.wants_reset()) die("the device needs a reset");
      }
    }
    if (const auto pause = backoff_.after(useful)) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      if (!is_dead_) (void)collect();
    }
    transport_.complete_interrupt();
  }
}

/// Takes the answers that have come. Returns their number.
unsigned P9Device::collect() {
  unsigned count = 0;
  while (!is_dead_) {
    const auto done = device_.queue().take();
    if (!done) break;
    ++count;
    const auto request = std::move(*static_cast<Ref<P9Request>*>(done->owner));
    request->take_answer(done->written);
  }
  if (count > 0) put_in();
  return count;
}

void P9Device::die(std::string_view why) {
  is_dead_ = true;
  log("9p: the file server '{}' is lost with {} requests in flight: {}", tag_,
      device_.queue().in_flight(), why);
  // Unless the device confirms the reset, it may still access the memory of the requests in flight:
  // they are never freed.
  const bool was_reset = device_.reset();
  for (Ref<P9Request>& request : in_flight_) {
    if (!request) continue;
    request->finish(fail(Errno::eio));
    if (was_reset) request = nullptr;
  }
  device_.fail();
  while (!waiting_.empty()) {
    P9Request& request = waiting_.front();
    request.is_waiting_ = false;
    waiting_.remove(request);
    request.finish(fail(Errno::eio));
    request.release();
  }
}

}  // namespace kernel

#include "user/thread.h"

#include "clone.h"
#include "tls.h"
#include "user/check.h"
#include "user/preemption.h"

namespace user {
namespace {

constexpr unsigned long thread_flags =
    clone_thread_flags | abi::clone_settls | abi::clone_parent_settid | abi::clone_child_cleartid;

constexpr std::size_t guard_bytes = page_size;

std::byte* align_down(std::byte* address, std::size_t alignment) {
  return address - reinterpret_cast<std::uintptr_t>(address) % alignment;
}

}  // namespace

Result<std::span<std::byte>> Thread::map_stack(std::size_t bytes) {
  const auto total = (bytes + page_size - 1) / page_size * page_size + guard_bytes;
  const auto memory = map_memory(total, abi::prot_read | abi::prot_write, abi::map_stack);
  if (!memory) return std::unexpected{memory.error()};
  if (auto guarded = protect_memory(*memory, guard_bytes, abi::prot_none); !guarded) {
    static_cast<void>(unmap_memory(*memory, total));
    return std::unexpected{guarded.error()};
  }
  return std::span{*memory, total};
}

Thread::Control* Thread::lay_out(std::span<std::byte> memory, std::size_t object_bytes) {
  auto* top = memory.data() + memory.size();
  top = align_down(top - tls::bytes(), tls::alignment());
  void* const thread_pointer = tls::initialise(top);
  top = align_down(top - object_bytes, 16);
  void* const object = top;
  top = align_down(top - sizeof(Control), 16);
  return new (top)
      Control{.alive = 1, .object = object, .thread_pointer = thread_pointer, .stack_top = top};
}

Result<void> Thread::launch(Control& control) {
  const auto entry = [](void* argument) {
    const auto& control = *static_cast<Control*>(argument);
    control.run(control.object);
    if (tls::destroy != nullptr) tls::destroy();
    return 0;
  };
  detail::has_threads = true;
  const long answer = cotrap_user_clone(thread_flags, control.stack_top, &control.id,
                                        control.thread_pointer, &control.alive, entry, &control);
  return to_result<void>(answer);
}

void Thread::join() {
  if (control_ == nullptr) return;
  // At a thread's end the kernel wakes a shared futex, so no private flag here.
  while (const auto alive = control_->alive.load(std::memory_order_acquire)) {
    syscall(Call::futex, &control_->alive, abi::futex_wait, alive, nullptr, nullptr, 0);
  }
  control_ = nullptr;
  if (!mapping_.empty()) static_cast<void>(unmap_memory(mapping_.data(), mapping_.size()));
  mapping_ = {};
}

Thread& Thread::operator=(Thread&& other) noexcept {
  join();
  control_ = std::exchange(other.control_, nullptr);
  mapping_ = std::exchange(other.mapping_, {});
  return *this;
}

Thread Thread::or_fail(Result<Thread> thread) {
  return must(std::move(thread), "starting a thread");
}

}  // namespace user

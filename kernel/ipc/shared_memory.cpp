#include "ipc/shared_memory.h"

#include <abi/flags.h>

#include "memory/frames.h"

namespace kernel::ipc {
namespace {

constinit Objects segments;
constinit std::uint64_t pages_in_all = 0;

}  // namespace

Objects& Segment::all() {
  return segments;
}

std::uint64_t Segment::pages_of_all() {
  return pages_in_all;
}

std::uint64_t Segment::resident_of_all() {
  std::uint64_t bytes = 0;
  for (const Object* at = segments.behind(-1); at != nullptr; at = segments.behind(at->place()))
    bytes += static_cast<const Segment*>(at)->resident_bytes();
  return bytes / hal::page_size;
}

Segment::Segment(Ref<MemoryFile> file, Ref<memory::TrackedObject> pages, std::uint64_t bytes,
                 int creator)
    : file_{std::move(file)}, pages_{std::move(pages)}, bytes_{bytes}, creator_{creator} {
  pages_in_all += hal::page_up(bytes_) / hal::page_size;
}

Segment::~Segment() {
  pages_in_all -= hal::page_up(bytes_) / hal::page_size;
}

Result<int> Segment::get(const Caller& caller, std::int32_t key, std::uint64_t bytes, int flags) {
  return ipc::get(
      segments, caller, key, flags,
      [&](const Object& found) -> Result<> {
        if (static_cast<const Segment&>(found).bytes() < bytes) return fail(Errno::einval);
        return {};
      },
      [&]() -> Result<int> {
        if (bytes == 0 || bytes > most_segment_bytes) return fail(Errno::einval);
        if ((flags & abi::shm_hugetlb) != 0) return fail(Errno::einval);
        if (segments.size() >= most_segments) return fail(Errno::enospc);
        const std::uint64_t memory = memory::frames.total_count() * hal::page_size;
        const bool reserves = (flags & abi::shm_noreserve) == 0;
        if (bytes > MemoryFile::longest - hal::page_size || (reserves && bytes > memory))
          return fail(Errno::enomem);
        constexpr std::size_t objects = sizeof(Segment) + sizeof(MemoryFile) + 128;
        if (!memory::can_allocate(objects) || !file_quota::has(hal::page_size))
          return fail(Errno::enomem);
        auto file = make_ref<MemoryFile>(0777u, bytes);
        file->set_file_system(Node::FileSystem::temporary);
        auto pages = file->mapping();
        if (!pages) return fail(pages.error());
        // end() releases this reference.
        auto* const segment =
            new Segment{std::move(file), std::move(*pages), bytes, caller.process};
        segments.add(*segment, key, flags, most_segments);
        return segment->number();
      });
}

Segment* Segment::of(const memory::Backing& backing) {
  if (!backing.is_shared()) return nullptr;
  memory::TrackedObject* const object = backing.pages().as_tracked();
  return object != nullptr ? object->segment() : nullptr;
}

void Segment::remove() {
  segments.remove_key(*this);
  set_mode_bits(abi::shm_dest);
  if (attachments_ == 0) end();
}

void Segment::end() {
  segments.remove(*this);
  release();
}

void Segment::note_area(bool is_new) {
  if (ActsFor::process() != 0) last_ = ActsFor::process();
  if (is_new) {
    ++attachments_;
    attached_ = seconds_now();
    return;
  }
  --attachments_;
  detached_ = seconds_now();
  if (attachments_ == 0 && (mode() & abi::shm_dest) != 0 && !is_removed()) end();
}

abi::SharedMemoryStatus Segment::status() const {
  return {.permissions = permissions(),
          .bytes = bytes_,
          .attached = attached_,
          .detached = detached_,
          .changed = changed(),
          .creator = creator_,
          .last = last_,
          .attachments = attachments_,
          .unused = {}};
}

}  // namespace kernel::ipc

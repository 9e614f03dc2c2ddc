// System V shared memory. A segment is a file in memory without a name (files/regular_file.h) that
// areas map. The segment counts its areas, so it knows its attachments: a mapping that a program
// splits in two counts twice, as on Linux. A removed segment ends with its last area. All of it is
// in the strand.
#pragma once

#include "files/regular_file.h"
#include "ipc/objects.h"
#include "memory/mappable_object.h"

namespace kernel::ipc {

inline constexpr std::uint64_t most_segment_bytes = UINT64_MAX - (1 << 24);  // as on Linux
inline constexpr std::uint64_t most_segment_pages = UINT64_MAX - (1 << 24);
inline constexpr int most_segments = 4096;

class Segment final : public Object, public memory::TrackedObject {
 public:
  static Result<int> get(const Caller& caller, std::int32_t key, std::uint64_t bytes, int flags);
  static Objects& all();
  /// The segment that areas with this backing map; null: they map something else.
  static Segment* of(const memory::Backing& backing);

  /// The number of pages of all segments, and the number of those that have a frame.
  static std::uint64_t pages_of_all();
  static std::uint64_t resident_of_all();

  Segment(Ref<MemoryFile> file, Ref<memory::TrackedObject> pages, std::uint64_t bytes, int creator);
  ~Segment() override;

  Segment* segment() override { return this; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t resident_bytes() const { return file_->used_bytes(); }
  /// IPC_RMID: the segment ends now, or with its last area.
  void remove();

  abi::SharedMemoryStatus status() const;

  std::size_t count() const override { return pages_->count(); }
  Result<hal::PhysAddr> frame(std::size_t index) override { return pages_->frame(index); }
  bool has_frame(std::size_t index) const override { return pages_->has_frame(index); }

 private:
  void note_area(bool is_new) override;
  void end();

  const Ref<MemoryFile> file_;
  const Ref<memory::TrackedObject> pages_;
  const std::uint64_t bytes_;
  const int creator_;
  std::uint64_t attachments_ = 0;
  std::int64_t attached_ = 0, detached_ = 0;
  int last_ = 0;
};

}  // namespace kernel::ipc

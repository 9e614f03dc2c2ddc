// Objects in memory whose frames areas of several programs map: shared anonymous memory
// (shared_pages.h), files in memory (files/file_mapping.h) and files of the host
// (files/share_mapping.h).
#pragma once

#include <hal/memory_map.h>
#include <kernel/list.h>
#include <kernel/result.h>

#include <cstddef>

#include "memory/memory_object.h"

namespace kernel::ipc {
class Segment;
}

namespace kernel::memory {

class AddressSpace;
struct Area;

class MappableObject : public MemoryObject {
 public:
  /// The number of pages, a partial last one included. It may change.
  virtual std::size_t count() const = 0;
  /// The frame of page `index`, made if it is missing. The object keeps a reference on it. ENXIO:
  /// the page lies behind the end, or the object may have no more pages; ENOMEM. would_block:
  /// source() must read the page first, and keeps it for frame(). In the strand.
  virtual Result<hal::PhysAddr> frame(std::size_t index) = 0;
  /// Where pages come from that frame() cannot make at once; null: there are none.
  virtual PageSource* source() { return nullptr; }
  /// Whether pages of shared areas are read-only until note_write().
  virtual bool tracks_writes() const { return false; }
  /// A program may write to the page from now on, until unmap_pages(). ENOMEM. In the strand.
  virtual Result<> note_write(std::size_t) { return {}; }
  /// Whether an area may begin with page `first`. ENOMEM. An access to a page behind the end fails
  /// later.
  virtual Result<> may_map(std::size_t first) const;
  /// Whether page `index` has a frame. In the strand.
  virtual bool has_frame(std::size_t index) const = 0;
  /// Writes back what programs have written to the pages [first, end) (msync).
  virtual async::Task<Result<>> sync(std::uint64_t first, std::uint64_t end);
  virtual class TrackedObject* as_tracked() { return nullptr; }
};

/// An area that maps a TrackedObject. The set of the area's space owns it (area_set.h).
struct AreaMapping : ListNode<> {
  AreaMapping(Area& mapped, AddressSpace& of_area) : area{mapped}, space{of_area} {}
  Area& area;
  AddressSpace& space;
};

/// An object that may lose pages while programs map them. It knows the areas that map it. In the
/// strand.
class TrackedObject : public MappableObject {
 public:
  /// While it exists, note_area() counts a change of areas as one by this process. Do not await
  /// meanwhile.
  class ActsFor {
   public:
    explicit ActsFor(int process) { process_ = process; }
    ActsFor(const ActsFor&) = delete;
    ~ActsFor() { process_ = 0; }
    /// The number of this process; 0: no ActsFor exists.
    static int process() { return process_; }

   private:
    inline static constinit int process_ = 0;
  };

  TrackedObject* as_tracked() final { return this; }
  /// For System V shared memory; else null.
  virtual ipc::Segment* segment() { return nullptr; }
  void add_area(AreaMapping& mapping) {
    areas_.push_back(mapping);
    note_area(true);
  }
  void remove_area(AreaMapping& mapping) {
    areas_.remove(mapping);
    note_area(false);
  }

 protected:
  /// Called when an area begins (`is_new`) or ceases to map the object.
  virtual void note_area(bool /*is_new*/) {}
  bool has_areas() { return !areas_.empty(); }
  enum class Copies : bool { keep, drop };

  /// Removes the pages [first, end) from the tables of all programs. `copies`: what happens to the
  /// private copies of these pages.
  void unmap_pages(std::size_t first, std::size_t end, Copies copies);
  /// Whether a program may write to the object through an area.
  bool has_writable_area();

 private:
  List<AreaMapping> areas_;
};

}  // namespace kernel::memory

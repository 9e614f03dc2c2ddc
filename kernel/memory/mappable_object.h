// Objects in memory whose frames areas of several programs map: shared anonymous memory
// (shared_pages.h) and writable files (files/file_mapping.h).
#pragma once

#include <hal/memory_map.h>
#include <kernel/list.h>
#include <kernel/result.h>

#include <cstddef>

#include "memory/memory_object.h"

namespace kernel::memory {

class AddressSpace;
struct Area;

class MappableObject : public MemoryObject {
 public:
  /// The number of pages, a partial last one included. It may change.
  virtual std::size_t count() const = 0;
  /// The frame of page `index`, made if it is missing. The object keeps a reference on it. ENXIO:
  /// the page lies behind the end, or the object may have no more pages; ENOMEM. In the strand.
  virtual Result<hal::PhysAddr> frame(std::size_t index) = 0;
  /// Whether page `index` has a frame. In the strand.
  virtual bool has_frame(std::size_t index) const = 0;
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
  TrackedObject* as_tracked() final { return this; }
  void add_area(AreaMapping& mapping) { areas_.push_back(mapping); }
  void remove_area(AreaMapping& mapping) { areas_.remove(mapping); }

 protected:
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

#include "ipc/objects.h"

#include <algorithm>

#include "files/node.h"

namespace kernel::ipc {

std::int64_t seconds_now() {
  constexpr std::int64_t ns_per_second = 1'000'000'000;
  return Node::wall_clock_now() / ns_per_second;
}

Result<> Object::set_permissions(const abi::IpcPermissions& wanted) {
  if (wanted.uid != 0 || wanted.gid != 0) return fail(Errno::einval);
  mode_ = (mode_ & ~permission_bits) | (wanted.mode & permission_bits);
  note_change();
  return {};
}

Result<> Object::check(const Caller& caller, unsigned wanted) const {
  // All callers are the superuser, who owns the object: the mode's bits for the owner count.
  constexpr unsigned one_class = 7;
  const unsigned asked = (wanted >> 6 | wanted >> 3 | wanted) & one_class;
  if ((asked & ~(mode_ >> 6)) != 0 && !caller.owns_all) return fail(Errno::eacces);
  return {};
}

Object* Objects::at_place(int place) const {
  Object* const found = behind(place - 1);
  return found != nullptr && found->place_ == place ? found : nullptr;
}

Object* Objects::find(int number) const {
  if (number < 0) return nullptr;
  Object* const found = at_place(number & (Object::most_places - 1));
  return found != nullptr && found->number() == number ? found : nullptr;
}

Object* Objects::with_key(std::int32_t key) const {
  if (key == abi::ipc_private) return nullptr;
  Object* const found = by_key_.find([key](const Object& object) { return object.key_ < key; });
  return found != nullptr && found->key_ == key ? found : nullptr;
}

Object* Objects::behind(int place) const {
  return by_place_.find([place](const Object& object) { return object.place_ <= place; });
}

int Objects::highest_place() const {
  const Object* last = by_place_.root();
  while (last != nullptr && by_place_.right(*last) != nullptr) last = by_place_.right(*last);
  return last != nullptr ? last->place_ : 0;
}

void Objects::add(Object& object, std::int32_t key, int flags, std::size_t most) {
  // As ipc_idr_alloc(), Linux, ipc/util.c: places rise to a bound, then begin again at 0 with the
  // next sequence number. At least a third of the places below the bound is free, unless there are
  // nearly `most` objects, so the search is short on average.
  constexpr std::size_t least_bound = 64;
  constexpr int sequences = INT32_MAX >> Object::place_bits;
  const auto bound = static_cast<int>(std::min(std::max(size_ * 3 / 2, least_bound), most));
  int place = last_place_ + 1;
  if (place >= bound) place = 0;
  for (const Object* at = behind(place - 1); at != nullptr && at->place_ == place;) {
    at = by_place_.next(*at);
    if (++place < bound) continue;
    place = 0;
    at = behind(-1);
  }
  if (place <= last_place_) sequence_ = (sequence_ + 1) % sequences;
  last_place_ = place;
  object.place_ = place;
  object.sequence_ = sequence_;
  object.key_ = key;
  object.mode_ = static_cast<unsigned>(flags) & Object::permission_bits;
  object.note_change();
  by_place_.insert(object);
  if (key != abi::ipc_private) by_key_.insert(object);
  ++size_;
}

void Objects::remove(Object& object) {
  object.is_removed_ = true;
  by_place_.remove(object);
  if (object.key_ != abi::ipc_private) by_key_.remove(object);
  --size_;
}

void Objects::remove_key(Object& object) {
  if (object.key_ != abi::ipc_private) by_key_.remove(object);
  object.key_ = abi::ipc_private;
}

}  // namespace kernel::ipc

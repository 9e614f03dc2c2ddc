#include "weak_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace parallel_test {

namespace {

using Order = std::memory_order;

bool acquires(Order order) {
  return order != Order::relaxed && order != Order::release;
}
bool releases(Order order) {
  return order == Order::release || order == Order::acq_rel || order == Order::seq_cst;
}

}  // namespace

void refuse(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::abort();
}

// ── views ────────────────────────────────────────────────────────────────────────────────────────

void WeakMemory::View::clear() {
  known_ = 0;
  clocks = {};
}

void WeakMemory::View::raise(std::size_t index, Time time) {
  while (known_ <= index) times_[known_++] = 0;
  times_[index] = std::max(times_[index], time);
}

void WeakMemory::View::join_times(const View& other) {
  const std::size_t common = std::min(known_, other.known_);
  for (std::size_t i = 0; i < common; ++i) times_[i] = std::max(times_[i], other.times_[i]);
  if (other.known_ == common) return;
  const auto from = other.times_.begin();
  std::copy(from + static_cast<std::ptrdiff_t>(common),
            from + static_cast<std::ptrdiff_t>(other.known_),
            times_.begin() + static_cast<std::ptrdiff_t>(common));
  known_ = other.known_;
}

void WeakMemory::View::join(const View& other) {
  join_times(other);
  for (unsigned i = 0; i < most_threads; ++i) clocks[i] = std::max(clocks[i], other.clocks[i]);
}

void WeakMemory::clear() {
  locations_.clear();
  channels_.clear();
  plain_.clear();
}

void WeakMemory::reset() {
  ++run_;
  used_ = 0;
  used_views_ = 0;
  common_.clear();
  for (unsigned i = 0; i < most_threads; ++i) {
    Thread& thread = threads_[i];
    for (View* const view : {&thread.view, &thread.released, &thread.read}) view->clear();
    thread.view.clocks[i] = 1;
  }
}

// ── atomic words ─────────────────────────────────────────────────────────────────────────────────

WeakMemory::Location& WeakMemory::find(const void* word, Value present) {
  Location& location = locations_[word];
  if (location.run != run_) {
    location.run = run_;
    location.index = used_++;
    if (used_ > most_locations) refuse("the scenario shares too many words");
    location.stores.clear();
    location.stores.push_back({.time = gap, .value = present, .carried = &new_view()});
  }
  return location;
}

/// Returns an empty view, which exists until the run ends.
WeakMemory::View& WeakMemory::new_view() {
  if (used_views_ == views_.size()) views_.emplace_back();
  View& view = views_[used_views_++];
  view.clear();
  return view;
}

/// The time of the oldest store that a load of the thread may read. A store comes behind it.
WeakMemory::Time WeakMemory::oldest(const Thread& thread, const Location& location,
                                    Order order) const {
  const Time time = thread.view.of(location.index);
  return order == Order::seq_cst ? std::max(time, common_.of(location.index)) : time;
}

void WeakMemory::read(unsigned index, const Location& location, Store& store, Order order) {
  Thread& thread = threads_[index];
  thread.view.raise(location.index, store.time);
  std::uint8_t& joined = acquires(order) ? store.joined_by_view : store.joined_by_read;
  if ((joined & 1u << index) == 0) {
    joined |= 1u << index;
    (acquires(order) ? thread.view : thread.read).join(*store.carried);
  }
  if (order == Order::seq_cst) common_.raise(location.index, store.time);
}

/// Lets the thread know `store`, its own, and lets the store carry what it must.
void WeakMemory::carry(unsigned index, Location& location, Store& store, Order order) {
  Thread& thread = threads_[index];
  thread.view.raise(location.index, store.time);
  store.carried->join(releases(order) ? thread.view : thread.released);
  store.carried->raise(location.index, store.time);
  if (order == Order::seq_cst) common_.raise(location.index, store.time);
  if (releases(order)) ++thread.view.clocks[index];  // what follows was not released
}

WeakMemory::Read WeakMemory::load(unsigned index, const void* word, Value present, Order order) {
  Location& location = find(word, present);
  Thread& thread = threads_[index];
  const Time from = oldest(thread, location, order);
  auto& stores = location.stores;
  std::size_t alternatives = 1;
  while (alternatives < stores.size() && stores[stores.size() - alternatives].time > from) {
    ++alternatives;
  }
  const unsigned age = choose_(static_cast<unsigned>(alternatives));
  Store& store = stores[stores.size() - 1 - age];
  read(index, location, store, order);
  return {store.value, age != 0};
}

WeakMemory::Value WeakMemory::store(unsigned index, const void* word, Value present, Value value,
                                    Order order) {
  Location& location = find(word, present);
  auto& stores = location.stores;
  const Time from = oldest(threads_[index], location, order);
  auto& places = alternatives_;
  places.assign(1, stores.size());
  for (std::size_t i = stores.size() - 1; i > 0 && stores[i].time > from; --i) {
    if (!stores[i].follows) places.push_back(i);
  }
  const std::size_t place = places[choose_(static_cast<unsigned>(places.size()))];
  const Time before = stores[place - 1].time;
  const Time time =
      place == stores.size() ? before + gap : before + (stores[place].time - before) / 2;
  Store& made = *stores.insert(stores.begin() + static_cast<std::ptrdiff_t>(place),
                               {.time = time, .value = value, .carried = &new_view()});
  carry(index, location, made, order);
  return stores.back().value;
}

void WeakMemory::modify_newest(unsigned index, Location& location, Value value, Order order) {
  Store& newest = location.stores.back();
  read(index, location, newest, order);
  View& carried = new_view();
  carried.join(*newest.carried);
  Store made{.time = newest.time + gap, .value = value, .follows = true, .carried = &carried};
  carry(index, location, made, order);
  location.stores.push_back(made);
}

WeakMemory::Exchanged WeakMemory::compare_exchange(unsigned index, const void* word, Value present,
                                                   Value expected, Value value, Order success,
                                                   Order failure) {
  Location& location = find(word, present);
  Thread& thread = threads_[index];
  auto& stores = location.stores;
  auto& readable = alternatives_;
  readable.assign(1, stores.size() - 1);
  const Time from = oldest(thread, location, failure);
  for (std::size_t i = stores.size() - 1; i > 0 && stores[i].time > from; --i) {
    if (stores[i - 1].value != expected) readable.push_back(i - 1);
  }
  const unsigned age = choose_(static_cast<unsigned>(readable.size()));
  Store& store = stores[readable[age]];
  const Read found{store.value, age != 0};
  if (found.value != expected) {
    read(index, location, store, failure);
    return {false, found};
  }
  modify_newest(index, location, value, success);
  return {true, found};
}

void WeakMemory::construct(unsigned index, const void* word, Value value) {
  Location* const found = locations_.find(word);
  if (found == nullptr || found->run != run_) return;  // not in use yet
  Location& location = *found;
  Store made{.time = location.stores.back().time + gap, .value = value, .carried = &new_view()};
  carry(index, location, made, Order::relaxed);
  location.stores.push_back(made);
}

void WeakMemory::fence(unsigned index, Order order) {
  Thread& thread = threads_[index];
  if (acquires(order)) thread.view.join(thread.read);
  if (order == Order::seq_cst) {
    thread.view.join_times(common_);
    common_.join_times(thread.view);
  }
  if (!releases(order)) return;
  thread.released.join(thread.view);
  ++thread.view.clocks[index];
}

// ── other order, and races ───────────────────────────────────────────────────────────────────────

WeakMemory::View& WeakMemory::carried_by(const void* address) {
  Channel& channel = channels_[address];
  if (channel.run != run_) channel.carried.clear();
  channel.run = run_;
  return channel.carried;
}

void WeakMemory::send(unsigned index, const void* channel) {
  Thread& thread = threads_[index];
  carried_by(channel).join(thread.view);
  ++thread.view.clocks[index];
}

void WeakMemory::receive(unsigned index, const void* channel) {
  threads_[index].view.join(carried_by(channel));
}

bool WeakMemory::races(unsigned index, const void* data, Access access) {
  Plain& plain = plain_[data];
  if (plain.is_atomic) return false;
  const View& view = threads_[index].view;
  if (plain.run != run_) {  // the first access in this run
    plain = {.run = run_};
    (access == Access::read ? plain.read[index] : plain.written) = view.clocks[index];
    plain.writer = static_cast<std::uint8_t>(index);
    return false;
  }
  bool is_unordered = plain.written > view.clocks[plain.writer];
  if (access == Access::read) {
    plain.read[index] = view.clocks[index];
    return is_unordered;
  }
  for (unsigned i = 0; i < most_threads; ++i) is_unordered |= plain.read[i] > view.clocks[i];
  plain.writer = static_cast<std::uint8_t>(index);
  plain.written = view.clocks[index];
  return is_unordered;
}

}  // namespace parallel_test

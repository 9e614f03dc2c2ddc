#include "weak_memory.h"

#include <algorithm>

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

// ── views ────────────────────────────────────────────────────────────────────────────────────────

void WeakMemory::View::raise(std::size_t index, Time time) {
  if (times.size() <= index) times.resize(index + 1);
  times[index] = std::max(times[index], time);
}

void WeakMemory::View::join_times(const View& other) {
  if (times.size() < other.times.size()) times.resize(other.times.size());
  for (std::size_t i = 0; i < other.times.size(); ++i)
    times[i] = std::max(times[i], other.times[i]);
}

void WeakMemory::View::join(const View& other) {
  join_times(other);
  for (unsigned i = 0; i < most_threads; ++i) clocks[i] = std::max(clocks[i], other.clocks[i]);
}

void WeakMemory::View::clear() {
  times.clear();
  clocks = {};
}

void WeakMemory::reset() {
  ++run_;
  used_ = 0;
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
    location.stores.clear();
    location.stores.push_back({.time = gap, .value = present, .carried = {}});
  }
  return location;
}

/// The time of the oldest store that a load of the thread may read. A store comes behind it.
WeakMemory::Time WeakMemory::oldest(const Thread& thread, const Location& location,
                                    Order order) const {
  const Time time = thread.view.of(location.index);
  return order == Order::seq_cst ? std::max(time, common_.of(location.index)) : time;
}

void WeakMemory::read(Thread& thread, const Location& location, const Store& store, Order order) {
  thread.view.raise(location.index, store.time);
  (acquires(order) ? thread.view : thread.read).join(store.carried);
  if (order == Order::seq_cst) common_.raise(location.index, store.time);
}

/// Lets the thread know `store`, its own, and lets the store carry what it must.
void WeakMemory::carry(unsigned index, Location& location, Store& store, Order order) {
  Thread& thread = threads_[index];
  thread.view.raise(location.index, store.time);
  store.carried.join(releases(order) ? thread.view : thread.released);
  store.carried.raise(location.index, store.time);
  if (order == Order::seq_cst) common_.raise(location.index, store.time);
  if (releases(order)) ++thread.view.clocks[index];  // what follows was not released
}

WeakMemory::Read WeakMemory::load(unsigned index, const void* word, Value present, Order order) {
  Location& location = find(word, present);
  Thread& thread = threads_[index];
  const Time from = oldest(thread, location, order);
  const auto& stores = location.stores;
  std::size_t alternatives = 1;
  while (alternatives < stores.size() && stores[stores.size() - alternatives].time > from) {
    ++alternatives;
  }
  const unsigned age = choose_(static_cast<unsigned>(alternatives));
  const Store& store = stores[stores.size() - 1 - age];
  read(thread, location, store, order);
  return {store.value, age != 0};
}

WeakMemory::Value WeakMemory::store(unsigned index, const void* word, Value present, Value value,
                                    Order order) {
  Location& location = find(word, present);
  auto& stores = location.stores;
  const Time from = oldest(threads_[index], location, order);
  std::vector<std::size_t> places{stores.size()};
  for (std::size_t i = stores.size() - 1; i > 0 && stores[i].time > from; --i) {
    if (!stores[i].follows) places.push_back(i);
  }
  const std::size_t place = places[choose_(static_cast<unsigned>(places.size()))];
  const Time before = stores[place - 1].time;
  const Time time =
      place == stores.size() ? before + gap : before + (stores[place].time - before) / 2;
  Store& made = *stores.insert(stores.begin() + static_cast<std::ptrdiff_t>(place),
                               {.time = time, .value = value, .carried = {}});
  carry(index, location, made, order);
  return stores.back().value;
}

void WeakMemory::modify_newest(unsigned index, Location& location, Value value, Order order) {
  const Store& newest = location.stores.back();
  read(threads_[index], location, newest, order);
  Store made{.time = newest.time + gap, .value = value, .follows = true, .carried = newest.carried};
  carry(index, location, made, order);
  location.stores.push_back(std::move(made));
}

WeakMemory::Exchanged WeakMemory::compare_exchange(unsigned index, const void* word, Value present,
                                                   Value expected, Value value, Order success,
                                                   Order failure) {
  Location& location = find(word, present);
  Thread& thread = threads_[index];
  const auto& stores = location.stores;
  std::vector<const Store*> readable{&stores.back()};
  const Time from = oldest(thread, location, failure);
  for (std::size_t i = stores.size() - 1; i > 0 && stores[i].time > from; --i) {
    if (stores[i - 1].value != expected) readable.push_back(&stores[i - 1]);
  }
  const unsigned age = choose_(static_cast<unsigned>(readable.size()));
  const Store& store = *readable[age];
  const Read found{store.value, age != 0};
  if (found.value != expected) {
    read(thread, location, store, failure);
    return {false, found};
  }
  modify_newest(index, location, value, success);
  return {true, found};
}

void WeakMemory::construct(unsigned index, const void* word, Value value) {
  const auto found = locations_.find(word);
  if (found == locations_.end() || found->second.run != run_) return;  // not in use yet
  Location& location = found->second;
  Store made{.time = location.stores.back().time + gap, .value = value, .carried = {}};
  carry(index, location, made, Order::relaxed);
  location.stores.push_back(std::move(made));
}

void WeakMemory::fence(unsigned index, Order order) {
  Thread& thread = threads_[index];
  if (acquires(order)) thread.view.join(thread.read);
  if (order == Order::seq_cst) {
    thread.view.join_times(common_);
    common_.join_times(thread.view);
  }
  if (!releases(order)) return;
  thread.released = thread.view;
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
  const View& view = threads_[index].view;
  Plain& plain = plain_[data];
  if (plain.run != run_) plain = {.run = run_};
  bool is_unordered = plain.written > view.clocks[plain.writer];
  if (access == Access::read) {
    plain.read[index] = view.clocks[index];
    return is_unordered;
  }
  for (unsigned i = 0; i < most_threads; ++i) is_unordered |= plain.read[i] > view.clocks[i];
  plain.writer = index;
  plain.written = view.clocks[index];
  return is_unordered;
}

}  // namespace parallel_test

// The common part of the three kinds of System V IPC objects: segments of shared memory, sets of
// semaphores, and queues of messages. An object has a number, which programs pass to calls. It may
// have a key, by which programs find the number. There is one namespace.
//
// A number consists of a place below most_places and a sequence number, as on Linux. Objects get
// the places in turn, so the number of a removed object is not used again soon.
//
// An object lives until a program removes it (IPC_RMID), even if no process uses it. Its memory
// counts in the quota of files in memory (files/file_quota.h). All of it is in the strand.
#pragma once

#include <abi/ipc.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <kernel/treap.h>

#include <cstddef>
#include <cstdint>

#include "files/file_quota.h"

namespace kernel::ipc {

/// The process that makes a call.
struct Caller {
  int process;
  bool owns_all;  ///< CAP_IPC_OWNER: the process needs no permissions
};

/// The present time, in seconds since 1970.
std::int64_t seconds_now();

class Objects;
struct OrderOfPlaces;
struct OrderOfKeys;

class Object : public TreapNode<OrderOfPlaces>, public TreapNode<OrderOfKeys> {
 public:
  Object() = default;
  virtual ~Object() = default;

  static constexpr int place_bits = 15;
  static constexpr int most_places = 1 << place_bits;
  static constexpr unsigned permission_bits = 0777;

  int number() const { return sequence_ << place_bits | place_; }
  int place() const { return place_; }
  std::int32_t key() const { return key_; }
  bool is_removed() const { return is_removed_; }
  unsigned mode() const { return mode_; }
  std::int64_t changed() const { return changed_; }
  void note_change() { changed_ = seconds_now(); }
  void set_mode_bits(unsigned bits) { mode_ |= bits; }
  void clear_mode_bits(unsigned bits) { mode_ &= ~bits; }

  /// The permissions that IPC_STAT returns. The owner is the superuser, the only user.
  abi::IpcPermissions permissions() const {
    return {.key = key_,
            .uid = 0,
            .gid = 0,
            .creator_uid = 0,
            .creator_gid = 0,
            .mode = mode_,
            .sequence = static_cast<std::uint16_t>(sequence_),
            .padding = 0,
            .unused = {}};
  }
  /// IPC_SET. EINVAL: there is no such user.
  Result<> set_permissions(const abi::IpcPermissions& wanted);

  static constexpr unsigned may_read = 0444, may_write = 0222;
  /// `wanted`: bits of may_read and may_write, of any class. EACCES: the caller lacks one of them.
  Result<> check(const Caller& caller, unsigned wanted) const;

 private:
  friend Objects;
  friend OrderOfPlaces;
  friend OrderOfKeys;

  std::int32_t key_ = abi::ipc_private;
  int sequence_ = 0;
  int place_ = 0;
  unsigned mode_ = 0;
  bool is_removed_ = false;
  std::int64_t changed_ = 0;
};

struct OrderOfPlaces {
  static bool is_before(const Object& one, const Object& other) {
    return one.place_ < other.place_;
  }
  static void update(Object&, Object*, Object*) {}
};
struct OrderOfKeys {
  static bool is_before(const Object& one, const Object& other) { return one.key_ < other.key_; }
  static void update(Object&, Object*, Object*) {}
};

/// The objects of one kind. It does not own them: the code that adds an object keeps a reference,
/// and the code that removes the object releases that reference.
class Objects {
 public:
  std::size_t size() const { return size_; }
  /// The object with this number; null: there is none.
  Object* find(int number) const;
  Object* at_place(int place) const;
  /// Null: no object has this key, or the key is ipc_private.
  Object* with_key(std::int32_t key) const;
  /// The object with the next place behind `place`; null: there is none.
  Object* behind(int place) const;
  /// The highest place in use; 0: there is none.
  int highest_place() const;

  /// Gives the object a number. The caller has checked that there are fewer than `most` objects.
  void add(Object& object, std::int32_t key, int flags, std::size_t most);
  void remove(Object& object);
  /// Clears the key of the object. After that only its number finds it.
  void remove_key(Object& object);

 private:
  Treap<Object, OrderOfPlaces> by_place_;
  Treap<Object, OrderOfKeys> by_key_;
  std::size_t size_ = 0;
  int last_place_ = -1;
  int sequence_ = 0;
};

/// The object of the class Kind with this number. EINVAL: there is none.
template <class Kind>
Result<Kind*> find(int number) {
  Object* const found = Kind::all().find(number);
  if (found == nullptr) return fail(Errno::einval);
  return static_cast<Kind*>(found);
}

/// The object at the place that `number` has (SHM_STAT and others). EINVAL: there is none.
template <class Kind>
Result<Kind*> find_place(int number) {
  Object* const found = Kind::all().at_place(number & (Object::most_places - 1));
  if (found == nullptr) return fail(Errno::einval);
  return static_cast<Kind*>(found);
}

/// The number of the object that a program asks for by shmget, semget or msgget. `accepts(object)`
/// -> Result<> tests an existing object, and `make()` -> Result<int> makes a new one.
template <class Accepts, class Make>
Result<int> get(const Objects& objects, const Caller& caller, std::int32_t key, int flags,
                Accepts&& accepts, Make&& make) {
  Object* const found = objects.with_key(key);
  if (found == nullptr) {
    if (key != abi::ipc_private && (flags & abi::ipc_creat) == 0) return fail(Errno::enoent);
    return make();
  }
  constexpr int only_new = abi::ipc_creat | abi::ipc_excl;
  if ((flags & only_new) == only_new) return fail(Errno::eexist);
  if (auto accepted = accepts(*found); !accepted) return fail(accepted.error());
  const auto wanted = static_cast<unsigned>(flags) & Object::permission_bits;
  if (auto allowed = found->check(caller, wanted); !allowed) return fail(allowed.error());
  return found->number();
}

/// Charges bytes to the quota. The destructor gives them back.
class Charge {
 public:
  /// The caller has tested file_quota::has().
  explicit Charge(std::size_t bytes) : bytes_{bytes} { file_quota::charge(bytes); }
  Charge(const Charge&) = delete;
  ~Charge() { file_quota::release(bytes_); }

 private:
  const std::size_t bytes_;
};

}  // namespace kernel::ipc

// What the calls of System V IPC have in common.
#pragma once

#include <abi/ipc.h>

#include <utility>

#include "ipc/objects.h"
#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

inline ipc::Caller caller_of(Thread& self) {
  return {.process = self.process().id(), .owns_all = self.process().has(Capability::ipc_owner)};
}

/// The result of a call that writes `status` for an object: 0, or the object's number for the
/// commands that name an object by its place.
template <class Status>
Result<int> write_status(Thread& self, std::uintptr_t to, const Status& status, int result) {
  return UserPtr<Status>{to}.write(self.space(), status).transform([&] { return result; });
}

/// Sets `status` for IPC_STAT, which names an object by its number, and for commands such as
/// SEM_STAT, which name it by its place. Returns the call's result. `any`: the value of the command
/// that needs no permission to read, such as SEM_STAT_ANY. EINVAL, EACCES.
template <class Kind, class Status>
Result<int> object_status(Thread& self, int number, int command, int any, Status& status) {
  const bool by_place = command != abi::ipc_stat;
  const auto found = by_place ? ipc::find_place<Kind>(number) : ipc::find<Kind>(number);
  if (!found) return fail(found.error());
  const Kind& object = **found;
  if (command != any) {
    auto allowed = object.check(caller_of(self), ipc::Object::may_read);
    if (!allowed) return fail(allowed.error());
  }
  status = object.status();
  return by_place ? object.number() : 0;
}

template <class Kind>
using StatusOf = decltype(std::declval<const Kind&>().status());

/// Writes the status of object_status() to the program.
template <class Kind>
Result<int> write_object_status(Thread& self, int number, int command, int any, std::uintptr_t to) {
  StatusOf<Kind> status;
  const auto result = object_status<Kind>(self, number, command, any, status);
  return result ? write_status(self, to, status, *result) : result;
}

/// IPC_SET for objects of which a program changes only the permissions. EINVAL, EFAULT.
template <class Kind>
Result<int> set_permissions(Thread& self, int number, std::uintptr_t from) {
  const auto wanted = UserPtr<const StatusOf<Kind>>{from}.read(self.space());
  if (!wanted) return fail(wanted.error());
  const auto found = ipc::find<Kind>(number);
  if (!found) return fail(found.error());
  return (*found)->set_permissions(wanted->permissions).transform([] { return 0; });
}

/// IPC_RMID for objects that are removed in one step. EINVAL.
template <class Kind>
Result<int> remove_object(int number) {
  const auto found = ipc::find<Kind>(number);
  if (!found) return fail(found.error());
  (*found)->remove();
  return 0;
}

/// object_status() of a set of semaphores.
Result<int> semaphore_status(Thread& self, int number, int command, abi::SemaphoreStatus& status);
Result<int> semctl(Thread& self, int number, unsigned semaphore, int command,
                   std::uintptr_t argument);

}  // namespace kernel::sys

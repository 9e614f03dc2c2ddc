// No plugin of QEMU sees this machine, so it needs no marks.
#pragma once

namespace user::machine {

inline void mark_begin() {}
inline void mark_end() {}

}  // namespace user::machine

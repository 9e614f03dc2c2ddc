// What the minimal program (minimal.cpp) and the one that asks it (lives.cpp) agree on.
#pragma once

namespace bench::minimal {

inline constexpr int batch = 100;    // forks in a sample, where instructions are counted
inline constexpr int children = 32;  // blocked ones, all of whose memory is one sample

}  // namespace bench::minimal

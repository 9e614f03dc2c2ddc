// Constants shared by the minimal program (minimal.cpp) and the program that runs it (lives.cpp).
#pragma once

namespace bench::minimal {

inline constexpr int batch = 100;    // forks per sample, when counted
inline constexpr int children = 32;  // blocked children per sample of memory

}  // namespace bench::minimal

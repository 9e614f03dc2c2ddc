# Selects Clang for builds that run on the build machine itself.
include(${CMAKE_CURRENT_LIST_DIR}/find-clang.cmake)

# -g1: line tables, but no variables and types. Full debug information costs a third of the tests' build time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG" CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "-g1" CACHE STRING "")

# Clang for the machine that builds.
include(${CMAKE_CURRENT_LIST_DIR}/find-clang.cmake)

# Debug information says where, and not what of: it is a third of the time that tests take to build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG" CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "-g1" CACHE STRING "")

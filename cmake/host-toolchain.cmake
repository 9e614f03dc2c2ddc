# Clang for the machine that builds.
include(${CMAKE_CURRENT_LIST_DIR}/find-clang.cmake)

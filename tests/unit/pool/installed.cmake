# Installs async/ as a package, then builds and runs two projects that use it from outside: the example, and
# the program in async/README.md. Run with
#
#   cmake -DASYNC=FOLDER -DSCRATCH=FOLDER -DCOMPILER=FILE -DTOGETHER=ON|OFF -P installed.cmake
#
# TOGETHER: whether one run of the compiler gets all sources of async/, which takes a third of the time.
# COMPILER=gcc selects the newest installed GCC, and COMPILER=clang the oldest installed Clang. Both also build
# and run a third project, the unit tests of HostPool, because no other test compiles them with that compiler.
cmake_policy(VERSION 3.25)
set(is_other TRUE)  # not the compiler of this project
if(COMPILER STREQUAL gcc)
  find_program(found NAMES g++-16 g++-15 g++-14 g++)
  set(asked -dumpfullversion)
  set(least 14)
elseif(COMPILER STREQUAL clang)
  find_program(found NAMES clang++-19 clang++-20 clang++-21)
  set(asked -dumpversion)
  set(least 19)
else()
  set(is_other FALSE)
endif()
if(is_other)
  set(version 0)
  if(found)
    execute_process(COMMAND ${found} ${asked} OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
  if(version VERSION_LESS least)
    message("skipped: no ${COMPILER} of version ${least} or later is installed")
    return()
  endif()
  set(COMPILER ${found})
  string(APPEND SCRATCH /${version})  # CMake does not change the compiler of a build folder
endif()
file(MAKE_DIRECTORY ${SCRATCH})
file(LOCK ${SCRATCH} DIRECTORY)  # until the end; another run of the tests may use the folder
file(REMOVE_RECURSE ${SCRATCH}/prefix ${SCRATCH}/readme)

function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(status)
    message(FATAL_ERROR "${ARGV}: ${status}\n${output}")
  endif()
endfunction()

# Builds the project in SOURCE, runs PROGRAM, and compares what it prints.
function(expect source name program expected)
  run(${CMAKE_COMMAND} -S ${source} -B ${SCRATCH}/${name} -G Ninja -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix)
  run(${CMAKE_COMMAND} --build ${SCRATCH}/${name})
  execute_process(COMMAND ${SCRATCH}/${name}/${program} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
  if(NOT printed STREQUAL "${expected}\n")
    message(FATAL_ERROR "${program} printed '${printed}', not '${expected}'")
  endif()
endfunction()

run(${CMAKE_COMMAND} -S ${ASYNC} -B ${SCRATCH}/library -G Ninja -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_UNITY_BUILD=${TOGETHER} -DCMAKE_UNITY_BUILD_BATCH_SIZE=0)
run(${CMAKE_COMMAND} --build ${SCRATCH}/library)
run(${CMAKE_COMMAND} --install ${SCRATCH}/library --prefix ${SCRATCH}/prefix)

expect(${ASYNC}/examples/host words words "300000 words")

# In the README, the first cmake block is a CMakeLists.txt, and the first cpp block its main.cpp.
file(READ ${ASYNC}/README.md readme)
foreach(pair "cmake;CMakeLists.txt" "cpp;main.cpp")
  list(GET pair 0 language)
  list(GET pair 1 file)
  string(FIND "${readme}" "```${language}\n" begin)
  string(LENGTH "```${language}\n" fence)
  math(EXPR begin "${begin} + ${fence}")
  string(SUBSTRING "${readme}" ${begin} -1 rest)
  string(FIND "${rest}" "```" end)
  string(SUBSTRING "${rest}" 0 ${end} text)
  file(WRITE ${SCRATCH}/readme/${file} "${text}")
endforeach()
expect(${SCRATCH}/readme fib fib "fib(25) = 75025")

if(is_other)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/installed -B ${SCRATCH}/pool -G Ninja -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix)
  run(${CMAKE_COMMAND} --build ${SCRATCH}/pool)
  run(${SCRATCH}/pool/unit_pool)
endif()

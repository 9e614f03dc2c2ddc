# cotrap_build_elsewhere(name build target): the target `name` builds `target` in another build folder.
# `build` is named like its preset. If it is not configured yet, it is configured first.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(cotrap_build_elsewhere name build target)
    # USES_TERMINAL: ninja runs these targets one after the other, and shows the other build's progress.
    add_custom_target(${name} USES_TERMINAL VERBATIM ${ARGN}
      COMMAND ${CMAKE_COMMAND} -DBUILD=${build} -DTARGET=${target}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE})
  endfunction()
  return()
endif()

# As a script, `cmake -DBUILD=FOLDER -DTARGET=NAME -P build-elsewhere.cmake`, this file builds NAME in FOLDER.
cmake_path(GET BUILD FILENAME preset)
cmake_path(SET source NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
file(MAKE_DIRECTORY ${BUILD})
# The command `cotrap` takes the same lock, so two builds of one folder run one after the other.
file(LOCK ${BUILD}/.cotrap-lock GUARD PROCESS)
if(NOT EXISTS ${BUILD}/build.ninja)
  execute_process(COMMAND ${CMAKE_COMMAND} --preset ${preset} WORKING_DIRECTORY ${source}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target ${TARGET} COMMAND_ERROR_IS_FATAL ANY)

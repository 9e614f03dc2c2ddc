# Makes TARGET in the build folder BUILD: `cmake -DBUILD=… -DTARGET=… -P build-elsewhere.cmake`. A preset's
# folder that is not configured yet is configured first.
cmake_path(GET BUILD FILENAME preset)
cmake_path(SET source NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
file(MAKE_DIRECTORY ${BUILD})
# The command `cotrap` takes the same lock for each build.
file(LOCK ${BUILD}/.cotrap-lock GUARD PROCESS)
if(NOT EXISTS ${BUILD}/build.ninja)
  execute_process(COMMAND ${CMAKE_COMMAND} --preset ${preset} WORKING_DIRECTORY ${source}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target ${TARGET} COMMAND_ERROR_IS_FATAL ANY)

# Builds TARGET in another build folder: `cmake -DBUILD=FOLDER -DTARGET=NAME -P build-elsewhere.cmake`.
# FOLDER is named like its preset. If it is not configured yet, this script configures it first.
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

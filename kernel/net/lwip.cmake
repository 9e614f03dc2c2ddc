# lwIP, compiled as a part of the floor `net`: for IPv4, IPv6 and Ethernet.
set(LWIP_DIR ${lwip})
include(${lwip}/src/Filelists.cmake)
add_library(cotrap_lwip OBJECT ${lwipcore_SRCS} ${lwipcore4_SRCS} ${lwipcore6_SRCS} ${lwip}/src/netif/ethernet.c)
target_link_libraries(cotrap_lwip PRIVATE cotrap_kernel_flags)
target_compile_options(cotrap_lwip PRIVATE -w)  # its warnings are not ours
set_target_properties(cotrap_lwip PROPERTIES UNITY_BUILD OFF)
# The only assertion of this file is wrong: a checksum of UDP-Lite may cover more than 32 KiB in several pieces.
set_source_files_properties(${lwip}/src/core/inet_chksum.c PROPERTIES COMPILE_DEFINITIONS LWIP_NOASSERT)
foreach(target cotrap_lwip cotrap_net)
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/net/lwip ${lwip}/src/include)
endforeach()
target_sources(cotrap_floors INTERFACE $<TARGET_OBJECTS:cotrap_lwip>)
if(TARGET cotrap_net_archive)
  target_sources(cotrap_net_archive PRIVATE $<TARGET_OBJECTS:cotrap_lwip>)
endif()

# SPDX-License-Identifier: Apache-2.0
# One library a layer, so that the link line shows the same arrows as the include table in tools/check_layers.py.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Asserts catch our own bugs and stay on in every build (docs/design.md): no NDEBUG anywhere.
# What is shipped knows no path of the machine that built it.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -ffunction-sections -fdata-sections -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-Wl,--gc-sections -Wl,-z,relro,-z,now")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

find_program(DROVER_CCACHE ccache)
if(DROVER_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${DROVER_CCACHE}")
endif()
# Bounds the links that run at once: each of them may take a gigabyte under a sanitizer.
set_property(GLOBAL PROPERTY JOB_POOLS link=2)
set(CMAKE_JOB_POOL_LINK link)

add_library(drover_warnings INTERFACE)
target_compile_options(drover_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)

# Under sanitizers what stands here compiles twice to four times as fast without optimisation, and is no slower to run:
# the work is done by the libraries behind it, which keep theirs.
set(DROVER_QUICK_UNDER_SANITIZERS $<$<AND:$<CXX_COMPILER_ID:Clang>,$<CONFIG:Debug>>:-O0>)

# drover_library(NAME [DEPENDS lib...] [TEST_LABELS label...]) takes every .cpp of the current folder that isn't a test.
function(drover_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE drover_warnings)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(${name} ${scope} ${ARG_DEPENDS})
  file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
  if(DROVER_TESTS AND tests)
    drover_test(${name}_test SOURCES ${tests} DEPENDS ${name} LABELS ${ARG_TEST_LABELS})
  endif()
endfunction()

# drover_test(NAME SOURCES file... DEPENDS lib... [LABELS label...]) is one GoogleTest program, one ctest entry a case.
function(drover_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} drover_warnings GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE DROVER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # A test's own code: what it tests is in libraries.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
  # One ctest entry a program: starting a process for each of some thousand cases costs minutes under a sanitizer.
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "unit;${ARG_LABELS}")
  if(NOT DROVER_UNIT_TESTS)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
  # What has threads is built and run under the thread sanitizer, too.
  if("threads" IN_LIST ARG_LABELS)
    if(NOT TARGET drover_threaded_tests)
      add_custom_target(drover_threaded_tests)
    endif()
    add_dependencies(drover_threaded_tests ${name})
  endif()
endfunction()

# drover_program(NAME SOURCES file... DEPENDS lib...)
function(drover_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} drover_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()

# drover_fuzzer(NAME DEPENDS lib...): fuzz/NAME.cpp with the committed corpus fuzz/corpus/NAME.
function(drover_fuzzer name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_executable(fuzz_${name} ${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPENDS} drover_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

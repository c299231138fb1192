# SPDX-License-Identifier: Apache-2.0
# Target drover_mbedtls: Mbed TLS 3.6 with Drover's configuration and patches (third_party/mbedtls), compiled in this build
# tree with this build's compiler and sanitizers, so that they see into it.
#
#   DROVER_MBEDTLS_SOURCE (environment)             another source than Debian's package: see tools/mbedtls
#   DROVER_MBEDTLS_PREFIX (variable, environment)   an installed library instead, as it is
#   DROVER_MBEDTLS_DEFINITIONS                      what its headers need defined, as MBEDTLS_CONFIG_FILE="..."
#   DROVER_ECC_LIBCRYPTO                            elliptic curves by OpenSSL's libcrypto, several times faster

find_package(OpenSSL 3.0 COMPONENTS Crypto QUIET)
option(DROVER_ECC_LIBCRYPTO "Elliptic curves of DTLS by libcrypto instead of Mbed TLS's own" "${OPENSSL_FOUND}")
set(DROVER_MBEDTLS_PREFIX "$ENV{DROVER_MBEDTLS_PREFIX}" CACHE PATH "An installed Mbed TLS 3.6 to use instead of building one")
set(DROVER_MBEDTLS_DEFINITIONS "" CACHE STRING "Definitions for the headers of the installed Mbed TLS")
if(DROVER_ECC_LIBCRYPTO AND NOT OPENSSL_FOUND)
  message(FATAL_ERROR "DROVER_ECC_LIBCRYPTO needs OpenSSL 3 (libssl-dev)")
endif()

# The C compiler that belongs to the C++ compiler: two families' sanitizers don't mix in one program.
if(NOT CMAKE_C_COMPILER AND NOT DEFINED ENV{CC})
  get_filename_component(folder "${CMAKE_CXX_COMPILER}" DIRECTORY)
  get_filename_component(name "${CMAKE_CXX_COMPILER}" NAME)
  string(REPLACE "clang++" "clang" name "${name}")
  string(REPLACE "g++" "gcc" name "${name}")
  string(REGEX REPLACE "^c\\+\\+" "cc" name "${name}")
  if(EXISTS "${folder}/${name}")
    set(CMAKE_C_COMPILER "${folder}/${name}")
  endif()
endif()
enable_language(C)
set(CMAKE_C_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
set(CMAKE_C_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
if(DROVER_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${DROVER_CCACHE}")
endif()
if(NOT CMAKE_C_COMPILER_ID STREQUAL CMAKE_CXX_COMPILER_ID AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  message(FATAL_ERROR "the sanitizers need C and C++ compilers of one family, not ${CMAKE_C_COMPILER_ID} and ${CMAKE_CXX_COMPILER_ID}")
endif()

set(drover_mbedtls_own "${PROJECT_SOURCE_DIR}/third_party/mbedtls")

# Builds target drover_mbedtls from the patched tree that tools/mbedtls keeps.
function(drover_build_mbedtls)
  file(GLOB patches CONFIGURE_DEPENDS "${drover_mbedtls_own}/*.patch")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${patches} "${PROJECT_SOURCE_DIR}/tools/mbedtls")
  execute_process(COMMAND "${PROJECT_SOURCE_DIR}/tools/mbedtls" OUTPUT_VARIABLE tree OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "no source of Mbed TLS (see above)")
  endif()
  file(STRINGS "${tree}/complete" version LIMIT_COUNT 1)
  message(STATUS "Mbed TLS ${version}: ${tree}")

  file(GLOB sources "${tree}/library/*.c")
  # What the configuration leaves out would compile to nothing.
  list(FILTER sources EXCLUDE REGEX
    "/(psa_|ssl_tls13|mps_|aria|camellia|chacha|poly1305|des|dhm|ecjpake|lmo?ts|lms|md5|nist_kw|pkcs7|ripemd160|sha1|sha3|x509_c[sr][rl]|x509write|x509_create|net_sockets|timing|threading|memory_buffer_alloc|padlock|debug|ssl_debug)[a-z0-9_]*\\.c$")
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-w")
  if(DROVER_ECC_LIBCRYPTO)
    list(APPEND sources "${drover_mbedtls_own}/ecc_libcrypto.c")
  endif()
  add_library(drover_mbedtls STATIC ${sources})
  set_target_properties(drover_mbedtls PROPERTIES C_STANDARD 11 C_EXTENSIONS ON POSITION_INDEPENDENT_CODE ON
    DROVER_INTERNAL_HEADERS "${tree}/library")
  # Headers of others: no warnings from them, nor from their sources.
  target_include_directories(drover_mbedtls SYSTEM PUBLIC "${tree}/include" "${drover_mbedtls_own}")
  target_include_directories(drover_mbedtls SYSTEM PRIVATE "${tree}/library")
  target_compile_definitions(drover_mbedtls PUBLIC MBEDTLS_CONFIG_FILE="drover_mbedtls_config.h")
  # Optimised in every build: handshakes of tests would dominate otherwise.
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  list(FILTER flags INCLUDE REGEX "^(-fsanitize|-fno-sanitize|-fno-omit-frame-pointer|--coverage|-fprofile|-m|-g)")
  list(FILTER sources EXCLUDE REGEX "ecc_libcrypto\\.c$")
  # For devices (DroverSdk.cmake): small, and without libcrypto.
  add_library(drover_mbedtls_compact OBJECT EXCLUDE_FROM_ALL ${sources})
  set_target_properties(drover_mbedtls_compact PROPERTIES C_STANDARD 11 C_EXTENSIONS ON POSITION_INDEPENDENT_CODE ON)
  target_include_directories(drover_mbedtls_compact SYSTEM PRIVATE "${tree}/include" "${drover_mbedtls_own}" "${tree}/library")
  target_compile_definitions(drover_mbedtls_compact PRIVATE MBEDTLS_CONFIG_FILE="drover_mbedtls_config.h")
  target_compile_options(drover_mbedtls_compact PRIVATE ${flags} -Os -ffunction-sections -fdata-sections)
  target_compile_options(drover_mbedtls PRIVATE ${flags} -O2)
  if(DROVER_ECC_LIBCRYPTO)
    target_compile_definitions(drover_mbedtls PUBLIC DROVER_ECC_LIBCRYPTO)
    target_link_libraries(drover_mbedtls PRIVATE OpenSSL::Crypto)
    set_source_files_properties("${drover_mbedtls_own}/ecc_libcrypto.c" PROPERTIES COMPILE_OPTIONS "-Wall;-Wextra;-Wshadow;-Wconversion;-Werror")
  endif()
endfunction()

# Makes target drover_mbedtls of the library installed in DROVER_MBEDTLS_PREFIX, if it suits (mbedtls_check.c).
function(drover_use_installed_mbedtls)
  set(prefix "${DROVER_MBEDTLS_PREFIX}")
  set(libraries "")
  foreach(name mbedtls mbedx509 mbedcrypto)
    find_library(found_${name} ${name} PATHS "${prefix}" PATH_SUFFIXES lib "lib/${CMAKE_LIBRARY_ARCHITECTURE}" NO_DEFAULT_PATH NO_CACHE)
    if(NOT found_${name})
      message(FATAL_ERROR "DROVER_MBEDTLS_PREFIX: no library ${name} in ${prefix}")
    endif()
    list(APPEND libraries "${found_${name}}")
  endforeach()
  add_library(drover_mbedtls INTERFACE)
  target_include_directories(drover_mbedtls SYSTEM INTERFACE "${prefix}/include")
  target_compile_definitions(drover_mbedtls INTERFACE ${DROVER_MBEDTLS_DEFINITIONS})
  target_link_libraries(drover_mbedtls INTERFACE ${libraries})

  list(TRANSFORM DROVER_MBEDTLS_DEFINITIONS PREPEND "-D" OUTPUT_VARIABLE definitions)
  foreach(wanted "" RAW_PUBLIC_KEYS PSK_LENGTH)
    try_compile(suits "${PROJECT_BINARY_DIR}/mbedtls-check" SOURCES "${PROJECT_SOURCE_DIR}/cmake/mbedtls_check.c"
      CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${prefix}/include" COMPILE_DEFINITIONS ${definitions} "-DDROVER_WANTED_${wanted}"
      LINK_LIBRARIES ${libraries} OUTPUT_VARIABLE output)
    if(suits)
      continue()
    endif()
    string(REGEX MATCHALL "#error \"[^\"]*" reasons "${output}")
    list(TRANSFORM reasons REPLACE "#error \"" "")
    list(REMOVE_DUPLICATES reasons)
    list(JOIN reasons "\n  " reasons)
    if(NOT reasons)
      set(reasons "${output}")
    endif()
    if(wanted STREQUAL "")
      message(FATAL_ERROR "DROVER_MBEDTLS_PREFIX: the library in ${prefix} doesn't suit:\n  ${reasons}")
    endif()
    message(WARNING "Mbed TLS in ${prefix}:\n  ${reasons}")
  endforeach()
  message(STATUS "Mbed TLS: as installed in ${prefix}")
endfunction()

if(DROVER_MBEDTLS_PREFIX)
  drover_use_installed_mbedtls()
else()
  drover_build_mbedtls()
endif()

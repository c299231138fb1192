# SPDX-License-Identifier: Apache-2.0
# Target drover_mbedtls: Mbed TLS 3.6 with Drover's configuration and patches (third_party/mbedtls), compiled in this build
# tree with this build's compiler and sanitizers, so that they see into it.
#
#   DROVER_MBEDTLS_SOURCE (environment)             another source than Debian's package: see tools/mbedtls
#   DROVER_MBEDTLS_PREFIX (variable, environment)   an installed library instead
#   DROVER_ECC_LIBCRYPTO                            elliptic curves by OpenSSL's libcrypto, several times faster

find_package(OpenSSL 3.0 COMPONENTS Crypto QUIET)
option(DROVER_ECC_LIBCRYPTO "Elliptic curves of DTLS by libcrypto instead of Mbed TLS's own" "${OPENSSL_FOUND}")
set(DROVER_MBEDTLS_PREFIX "$ENV{DROVER_MBEDTLS_PREFIX}" CACHE PATH "An installed Mbed TLS 3.6 to use instead of building one")
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
  target_compile_options(drover_mbedtls PRIVATE ${flags} -O2)
  if(DROVER_ECC_LIBCRYPTO)
    target_compile_definitions(drover_mbedtls PUBLIC DROVER_ECC_LIBCRYPTO)
    target_link_libraries(drover_mbedtls PRIVATE OpenSSL::Crypto)
    set_source_files_properties("${drover_mbedtls_own}/ecc_libcrypto.c" PROPERTIES COMPILE_OPTIONS "-Wall;-Wextra;-Wshadow;-Wconversion;-Werror")
  endif()
endfunction()

drover_build_mbedtls()

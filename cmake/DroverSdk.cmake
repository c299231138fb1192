# SPDX-License-Identifier: Apache-2.0
# Target drover_sdk: what device makers link, one archive (libdrover.a) with all layers of the client, compiled for size. Its
# Mbed TLS has curves of its own, so that a device needs no libcrypto for DTLS. drover-device is made of it, too.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(default ON)
else()
  set(default OFF)
endif()
option(DROVER_SDK "Build libdrover.a, the SDK as it is installed, and drover-device from it" ${default})
if(NOT DROVER_SDK)
  return()
endif()

set(layers drover_base drover_transport drover_security drover_dtls drover_cipher drover_sps drover_sms drover_sms_modem
  drover_smartcard drover_coap_message drover_coap_reliability drover_coap_exchange drover_stack drover_lwm2m_data
  drover_lwm2m_model drover_lwm2m_content drover_lwm2m_operation drover_lwm2m_mapping drover_io drover_client_core
  drover_client drover_sqlite drover_storage drover_firmware drover_machine)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(SQLite3 REQUIRED)
add_library(drover_sdk STATIC)
set_target_properties(drover_sdk PROPERTIES OUTPUT_NAME drover ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
foreach(layer IN LISTS layers)
  get_target_property(type ${layer} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    continue()
  endif()
  get_target_property(folder ${layer} SOURCE_DIR)
  get_target_property(sources ${layer} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${folder}")
    target_sources(drover_sdk PRIVATE "${source}")
  endforeach()
  # Of the layer's own: where definitions are, whether there are card readers.
  get_target_property(definitions ${layer} COMPILE_DEFINITIONS)
  if(definitions)
    target_compile_definitions(drover_sdk PRIVATE ${definitions})
  endif()
endforeach()
target_include_directories(drover_sdk PRIVATE "${PROJECT_SOURCE_DIR}/src" PUBLIC "${PROJECT_SOURCE_DIR}/include")
# What its programs may need besides, and don't where they leave cards, secured packets and DDF files alone.
target_link_libraries(drover_sdk PRIVATE pugixml::pugixml nlohmann_json::nlohmann_json OpenSSL::Crypto SQLite::SQLite3 PUBLIC Threads::Threads)
if(DROVER_PCSCLITE_FOUND)
  target_link_libraries(drover_sdk PRIVATE PkgConfig::DROVER_PCSCLITE)
endif()
# For size, and so that programs can be optimised as a whole; the layers' own targets have the warnings.
set(DROVER_COMPACT -Os -flto=auto -ffat-lto-objects)
target_compile_options(drover_sdk PRIVATE ${DROVER_COMPACT} -w)

if(TARGET drover_mbedtls_compact)
  target_sources(drover_sdk PRIVATE $<TARGET_OBJECTS:drover_mbedtls_compact>)
  target_include_directories(drover_sdk SYSTEM PRIVATE $<TARGET_PROPERTY:drover_mbedtls,INTERFACE_SYSTEM_INCLUDE_DIRECTORIES>)
  target_compile_definitions(drover_sdk PRIVATE MBEDTLS_CONFIG_FILE="drover_mbedtls_config.h")
else()
  target_link_libraries(drover_sdk PRIVATE drover_mbedtls)
endif()

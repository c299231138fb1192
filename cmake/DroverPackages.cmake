# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and the Debian packages (`./package`) of it:
#   drover-common   object definitions
#   drover-server   droverd, its unit and configuration
#   drover-tools    drover, drover-device and the other programs
#   libdrover-dev   the C++ SDK: libdrover.a, headers, find_package(drover), pkg-config
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/objects/" DESTINATION "${CMAKE_INSTALL_DATADIR}/drover/objects" COMPONENT common)
install(TARGETS drover-device drover-fetch drover-swarm drover-smsc drover-card COMPONENT tools)
install(TARGETS drover-objectgen COMPONENT sdk)
if(DROVER_SERVER)
  install(TARGETS drover COMPONENT tools)
  install(TARGETS droverd COMPONENT server)
  install(FILES "${PROJECT_SOURCE_DIR}/packaging/droverd.service" DESTINATION lib/systemd/system COMPONENT server)
  # Below the system's /etc in a package, in the prefix's elsewhere.
  install(FILES "${PROJECT_SOURCE_DIR}/packaging/droverd.toml" DESTINATION "${CMAKE_INSTALL_FULL_SYSCONFDIR}/drover" COMPONENT server)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples/" DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples" COMPONENT tools
  FILES_MATCHING PATTERN "*.toml" PATTERN "firmware/*")

# Made from the programs by tools/manual.
find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_FOUND)
  set(manual "${PROJECT_BINARY_DIR}/manual")
  add_custom_target(drover_manual ALL
    COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/manual" --bin "${PROJECT_BINARY_DIR}/bin" --to "${manual}" --version "${PROJECT_VERSION}"
    DEPENDS drover-device drover-fetch drover-swarm drover-smsc drover-card drover-objectgen $<$<BOOL:${DROVER_SERVER}>:drover> $<$<BOOL:${DROVER_SERVER}>:droverd>
    VERBATIM)
  foreach(component server tools)
    if(component STREQUAL "server")
      set(which PATTERN "*droverd*")
    else()
      set(which PATTERN "*drover*" PATTERN "*droverd*" EXCLUDE)
    endif()
    install(DIRECTORY "${manual}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT ${component} FILES_MATCHING ${which})
    install(DIRECTORY "${manual}/bash/" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT ${component} FILES_MATCHING ${which})
    install(DIRECTORY "${manual}/zsh/" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions" COMPONENT ${component} FILES_MATCHING ${which})
    install(DIRECTORY "${manual}/fish/" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT ${component} FILES_MATCHING ${which})
  endforeach()
endif()

if(DROVER_SDK)
  install(TARGETS drover_sdk ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT sdk)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/drover" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT sdk)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples/" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libdrover-dev/examples" COMPONENT sdk
    FILES_MATCHING PATTERN "*.cpp" PATTERN "*.xml")
  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/droverConfig.cmake.in" "${PROJECT_BINARY_DIR}/droverConfig.cmake"
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/drover" PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
  # Before 1.0 a minor version may change what programs see.
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/droverConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/droverConfig.cmake" "${PROJECT_BINARY_DIR}/droverConfigVersion.cmake"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/drover" COMPONENT sdk)
  file(RELATIVE_PATH drover_prefix_from_pc "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/drover.pc.in" "${PROJECT_BINARY_DIR}/drover.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/drover.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT sdk)
  # Bytecode of this one compiler is six times the library; programs are small without it.
  install(CODE "
    file(GLOB archive \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/libdrover.a\")
    execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_* \"\${archive}\" COMMAND_ERROR_IS_FATAL ANY)"
    COMPONENT sdk)
endif()

# ---- Debian packages
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME drover)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "The Drover project")
set(CPACK_PACKAGE_VENDOR "Drover")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL common server tools sdk)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(same "(= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_COMMON_PACKAGE_NAME drover-common)
set(CPACK_DEBIAN_COMMON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_COMMON_PACKAGE_SECTION net)
set(CPACK_COMPONENT_COMMON_DESCRIPTION "LwM2M enabler: object definitions\n Definitions (DDF) of LwM2M objects, for droverd and drover-device.")

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME drover-server)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "drover-common ${same}, adduser")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "drover-tools ${same}")
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/packaging/debian/server/postinst"
  "${PROJECT_SOURCE_DIR}/packaging/debian/server/prerm" "${PROJECT_SOURCE_DIR}/packaging/debian/server/postrm"
  "${PROJECT_SOURCE_DIR}/packaging/debian/server/conffiles")
set(CPACK_COMPONENT_SERVER_DESCRIPTION "LwM2M Server and Bootstrap-Server\n Manages fleets of devices by OMA LwM2M 1.0 over UDP, DTLS and SMS: REST API,\n event stream, web console, firmware campaigns, bootstrap.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME drover-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "drover-common ${same}")
set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "LwM2M command line, device and test programs\n drover manages devices through a server; drover-device is one; drover-swarm is\n a million; drover-smsc and drover-card are an SMSC and a smartcard in software.")

set(CPACK_DEBIAN_SDK_PACKAGE_NAME libdrover-dev)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_SDK_PACKAGE_DEPENDS "libpugixml-dev, libssl-dev, libpcsclite-dev, libc6-dev")
set(CPACK_COMPONENT_SDK_DESCRIPTION "C++ SDK for LwM2M devices\n A LwM2M Client in a dozen lines of C++20: static library and headers.")
include(CPack)

if(DROVER_SERVER AND DROVER_SDK AND Python3_FOUND)
  set(packages "${PROJECT_SOURCE_DIR}/build/packages")
  add_custom_target(drover_packages
    COMMAND "${CMAKE_COMMAND}" -E rm -rf "${packages}" "${PROJECT_BINARY_DIR}/packing"
    COMMAND sh -c "umask 022 && exec \"$0\" --config \"$1\" -B \"$2\" >\"$2.log\"" "${CMAKE_CPACK_COMMAND}" "${PROJECT_BINARY_DIR}/CPackConfig.cmake" "${PROJECT_BINARY_DIR}/packing"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${packages}"
    COMMAND sh -c "mv \"$0\"/*.deb \"$1\"" "${PROJECT_BINARY_DIR}/packing" "${packages}"
    VERBATIM)
  add_dependencies(drover_packages drover_manual drover_sdk)
endif()

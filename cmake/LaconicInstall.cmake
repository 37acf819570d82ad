# Installs headers, libraries and the package files that find_package(laconic) reads.

include(CMakePackageConfigHelpers)

set(laconic_targets laconic)
if(LACONIC_TRAIN)
  list(APPEND laconic_targets laconic_train laconic_opencv)
endif()
install(TARGETS ${laconic_targets} laconic_policy EXPORT laconic_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS laconic_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/laconic DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT laconic_targets NAMESPACE laconic:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/laconic)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/laconicConfig.cmake.in
  ${PROJECT_BINARY_DIR}/laconicConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/laconic)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/laconicConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/laconicConfig.cmake ${PROJECT_BINARY_DIR}/laconicConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/laconic)

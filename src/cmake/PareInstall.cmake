# `cmake --install`: headers, libpare, pare.pc and a CMake package (find_package(pare), target pare::pare).
include(CMakePackageConfigHelpers)

install(TARGETS pare_core EXPORT pareTargets ARCHIVE)
install(DIRECTORY include/ TYPE INCLUDE FILES_MATCHING PATTERN "*.h")

set(pare_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pare")
install(EXPORT pareTargets NAMESPACE pare:: DESTINATION "${pare_cmake_dir}")
configure_package_config_file(src/cmake/pareConfig.cmake.in "${PROJECT_BINARY_DIR}/pareConfig.cmake"
                              INSTALL_DESTINATION "${pare_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/pareConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/pareConfig.cmake" "${PROJECT_BINARY_DIR}/pareConfigVersion.cmake"
        DESTINATION "${pare_cmake_dir}")

# pare.pc finds its prefix from its own place, so that an installed tree can be moved. How far up that is depends on
# the library folder (lib, or lib/x86_64-linux-gnu).
cmake_path(SET pare_pc_dir NORMALIZE "/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
cmake_path(RELATIVE_PATH pare_pc_dir BASE_DIRECTORY "/" OUTPUT_VARIABLE pare_pc_relative)
string(REGEX REPLACE "[^/]+" ".." pare_pc_up "${pare_pc_relative}")
configure_file(src/cmake/pare.pc.in "${PROJECT_BINARY_DIR}/pare.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/pare.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# clang with wasi-libc (Debian: clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32).
# Nothing may pass -O to the link step: given it, clang runs the wasm-opt on PATH, and Debian's is too old to read
# relaxed SIMD. CMakeLists.txt therefore keeps -O3 out of CMAKE_C_FLAGS.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
find_program(PARE_WASI_CC NAMES clang-19 clang-20 clang-21 REQUIRED)
set(CMAKE_C_COMPILER "${PARE_WASI_CC}")
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_EXECUTABLE_SUFFIX .wasm)

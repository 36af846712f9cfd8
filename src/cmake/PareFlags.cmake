# Compiler flags, and which kernel files a build compiles.

set(PARE_WASM OFF)
if(CMAKE_C_COMPILER_TARGET MATCHES "^wasm32")
  set(PARE_WASM ON)
endif()
set(PARE_X86_64 OFF)
if(NOT PARE_WASM AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(PARE_X86_64 ON)
endif()

# Flags that every object needs, whoever compiles it. Results must be the same bytes in every build: no contraction of
# a multiply and an add, and never -ffast-math. -fno-math-errno only lets sqrtf become one instruction.
add_compile_options(-ffp-contract=off -fno-math-errno -fvisibility=hidden -ffunction-sections -fdata-sections)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-O1 -fno-omit-frame-pointer)
  add_compile_options($<$<C_COMPILER_ID:Clang>:-Wno-pass-failed>) # vector loops are asked for, and need not be had here
else()
  add_compile_options(-O3)
endif()
if(PARE_X86_64)
  add_compile_options(-mssse3 -msse4.1) # the x86-64-v2 baseline, which SIMDe turns Wasm SIMD intrinsics into
endif()
if(PARE_SANITIZE)
  add_compile_options(-fsanitize=${PARE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PARE_SANITIZE})
endif()
if(PARE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(PARE_WASM)
  add_compile_options(-msimd128 -mbulk-memory)
  if(PARE_RELAXED_SIMD)
    add_compile_options(-mrelaxed-simd)
  endif()
  # The header-only libraries live beside the host's own C headers, which a wasm build must not see:
  # a folder of links shows it just those.
  set(pare_system_headers "${PROJECT_BINARY_DIR}/system-headers")
  file(MAKE_DIRECTORY "${pare_system_headers}")
  foreach(header jsmn.h stb simde)
    find_path(pare_${header}_dir NAMES ${header} PATHS /usr/include /usr/local/include
              NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
    file(CREATE_LINK "${pare_${header}_dir}/${header}" "${pare_system_headers}/${header}" SYMBOLIC)
  endforeach()
endif()

# What our own sources are held to.
function(pare_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Werror)
  # POSIX (clock_gettime, isatty, directories) is used by the few files that touch the machine.
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L
    "PARE_VERSION=\"${PROJECT_VERSION}\"" "PARE_BUILD_NAME=\"${PARE_BUILD_NAME}\"")
  if(PARE_WASM)
    target_include_directories(${target} SYSTEM PRIVATE "${pare_system_headers}")
  endif()
endfunction()

# A kernel file's name says its instruction set (<family>_<isa>_<tile>.c): compile each with that set's flags and only
# where there is such a machine. Everything else builds everywhere. ORDER: most specific first.
set(pare_isas avx512vnni avxvnni avx512 avx2 relaxed)
set(pare_isa_avx512vnni_flags -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni)
set(pare_isa_avxvnni_flags -mavx2 -mfma -mf16c -mavxvnni)
set(pare_isa_avx512_flags -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(pare_isa_avx2_flags -mavx2 -mfma -mf16c)

# Unrolled tiles take a fuzzer's compiler minutes each when every sum is watched, and have no branches to explore: there only ASan looks
# at them (the tests look with UBSan too).
set(pare_isa_fuzz_flags "")
if(PARE_FUZZ)
  set(pare_isa_fuzz_flags -fno-sanitize=undefined -fno-sanitize-coverage=inline-8bit-counters,indirect-calls,trace-cmp,pc-table)
endif()

function(pare_select_kernels list_name)
  set(kept "")
  foreach(source IN LISTS ${list_name})
    get_filename_component(name "${source}" NAME)
    set(keep ON)
    foreach(isa IN LISTS pare_isas)
      if(name MATCHES "_${isa}[_.]")
        if(isa STREQUAL "relaxed")
          # Natively the relaxed instructions are written out, so that the tests see those kernels too.
          if(PARE_WASM)
            set(keep ${PARE_RELAXED_SIMD})
          endif()
        elseif(PARE_X86_64)
          set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "${pare_isa_${isa}_flags};${pare_isa_fuzz_flags}")
        else()
          set(keep OFF)
        endif()
        break()
      endif()
    endforeach()
    if(keep)
      list(APPEND kept "${source}")
    endif()
  endforeach()
  set(${list_name} "${kept}" PARENT_SCOPE)
endfunction()

# A visitor's download: in wasm only the loops of kernels and optimizers are compiled for speed, not what plans and packs around them (a
# kernel's inner loop belongs in a file named so). Loops elsewhere still become vectors under -Os: whole networks were seen to lose at most 7 %
# of their speed by that of the operators, and 1 % by that of the kernels' other files. No inner loop runs through the rest. Operators that pass
# over bytes and are in no first module have nothing to save. But under -Os clang allows no loop for what is left over: where a loop chooses
# (Relu, MaxPool) its vectors ask for each lane whether it is there, and are slower than none. The files that training and f32 networks
# spend time in are therefore compiled for speed.
function(pare_size_over_speed)
  foreach(source IN LISTS ARGN)
    set(level -Oz)
    if(source MATCHES "/src/kernels/.*(_simd128|_relaxed|f32_math\\.c|f32_transpose)")
      set(level -O3)
    elseif(source MATCHES "(_ref|/f64_[a-z]+)\\.c$")
      set(level -Oz)
    elseif(source MATCHES "/src/ops/(byte_|qlinear_average)")
      set(level -O3)
    elseif(source MATCHES "/src/(train/optim/|ops/(relu|max_pool|batch_normalization|add)\\.c|kernels/f32_batch/f32_batch_conv\\.c)")
      set(level -O2)
    elseif(source MATCHES "/src/(kernels|ops|data|train)/")
      set(level -Os)
    endif()
    if(PARE_WASM)
      set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS ${level})
    endif()
  endforeach()
endfunction()

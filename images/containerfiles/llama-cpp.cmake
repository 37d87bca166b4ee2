# Read by CMake after llama.cpp's own `project`: the library of its programs is not compiled. The Python package asks
# for it in the cache, which this variable hides. See docs/decisions/007-what-of-llama-cpp-is-compiled.md.
set(LLAMA_BUILD_COMMON OFF)

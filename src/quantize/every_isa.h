// Loops over whole blocks that compilers turn into vector instructions: built for each width that
// processors have, the one that fits taken as the program starts. Results are the same: operations
// are those of single values, and none is contracted.

#pragma once

// The loader cannot choose before sanitizers are set up.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LACONIC_EVERY_ISA __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define LACONIC_EVERY_ISA
#endif

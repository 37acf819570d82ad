// OpenBLAS with the kernels that this processor can run.

#pragma once

namespace laconic {

/// OpenBLAS knows processors by model number and falls back on its SSE3 kernels ("Prescott") for
/// models newer than itself: a third of the speed or less. Where it did so, makes it take the
/// kernels for the instructions that the processor has, unless the user has set
/// OPENBLAS_CORETYPE; and one thread per caller in any case. Without OpenBLAS, does nothing. The
/// first call must come before any product runs on another thread; later ones do nothing.
void prepare_blas();

}  // namespace laconic

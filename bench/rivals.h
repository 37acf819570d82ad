// Other libraries' products and convolutions, to stand beside ours in one run.

#pragma once

namespace laconic {

/// Registers oneDNN's as `onednn/...`, with float32 and with bytes by int8 weights, on one thread;
/// nothing where the program was built without it.
void register_rivals();

}  // namespace laconic

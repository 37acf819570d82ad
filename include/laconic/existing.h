// What to do with the checkpoint of an earlier run.

#pragma once

namespace laconic {

/// For a checkpoint that is already in the folder where a run would keep its own.
enum class Existing { refuse, resume, replace };

}  // namespace laconic

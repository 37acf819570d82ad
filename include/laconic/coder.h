// The coder family: indices to bytes and back.
//
// A coder is told the alphabet, the tensor's shape and which index stands for zero, for adaptive
// members take their contexts from neighbours; all of that is stored elsewhere in a file and costs
// the coder nothing. What encode() returns holds everything else, tables included.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "laconic/spec.h"
#include "laconic/streamed_tensor.h"

namespace laconic {

class ByteWindow;  // src/core/byte_window.h

/// What encoder and decoder both know of the indices.
struct IndexLayout {
  Shape shape;  ///< Its product is the number of indices; axis 0 is the output channel.
  std::int64_t alphabet = 1;  ///< Indices lie in [0, alphabet), alphabet at most 65,536.
  std::int64_t zero = -1;     ///< Index of the level 0, in all blocks; -1: there is none.
};

/// Immutable and safe to use from many threads at once. Equal input gives equal bytes on every
/// machine.
class Coder {
 public:
  virtual ~Coder() = default;

  /// Throws Error(invalid_argument) where an index is not in the alphabet, the count does not fit
  /// the shape, or the member cannot code such indices.
  [[nodiscard]] std::vector<std::byte> encode(std::span<const Index> indices,
                                              const IndexLayout& layout) const;

  /// Fills `indices`, as many as the shape says. Throws Error(corrupt_data) unless `bytes` is
  /// exactly what an encoder can have written for that layout, as far as the coder can tell;
  /// never reads outside `bytes`.
  void decode(std::span<const std::byte> bytes, const IndexLayout& layout,
              std::span<Index> indices) const;

  /// As decode(), piece by piece. What the coder cannot read in pieces is decoded whole at first.
  /// `bytes` must outlive the stream.
  [[nodiscard]] std::unique_ptr<IndexStream> stream(ByteWindow& bytes,
                                                    const IndexLayout& layout) const;

  /// Canonical spec, every option written out.
  [[nodiscard]] virtual std::string spec() const = 0;

 private:
  [[nodiscard]] virtual std::vector<std::byte> do_encode(std::span<const Index> indices,
                                                         const IndexLayout& layout) const = 0;
  virtual void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                         std::span<Index> indices) const = 0;
  [[nodiscard]] virtual std::unique_ptr<IndexStream> do_stream(ByteWindow& bytes,
                                                               const IndexLayout& layout) const;
};

/// All members, in the order of the table in src/entropy/family.cpp.
[[nodiscard]] std::span<const MemberInfo> coders() noexcept;

/// Builds a member from its spec. Throws Error(invalid_argument) as make_quantizer() does.
[[nodiscard]] std::unique_ptr<Coder> make_coder(std::string_view spec);

/// Throws Error(invalid_argument) unless `coder` is "auto", or the spec of a member that can code
/// what the quantizer of that spec makes.
void check_coder(std::string_view coder, std::string_view quantizer);

/// Identifier of a member in files; never reused. Throws Error(invalid_argument) for an unknown
/// name.
[[nodiscard]] std::uint8_t coder_id(std::string_view name);

/// The member with that identifier, with default options: decoders read what they need from the
/// bytes. Null if there is none.
[[nodiscard]] const Coder* coder_for_id(std::uint8_t id) noexcept;

struct Encoded {
  std::string coder;  ///< Canonical spec of the member that made the bytes.
  std::vector<std::byte> bytes;
};

/// Encodes with the member that `spec` names; "auto" tries all that apply and keeps the smallest
/// (of equals, the first in the table).
[[nodiscard]] Encoded encode(std::string_view spec, std::span<const Index> indices,
                             const IndexLayout& layout);

}  // namespace laconic

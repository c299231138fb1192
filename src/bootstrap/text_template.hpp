// SPDX-License-Identifier: Apache-2.0
// Texts of a plan that depend on the device: "{endpoint}.{serial}".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace drover::bootstrap {

/// What stands for the placeholders.
struct TemplateValues {
  std::string_view endpoint;
  std::string_view serial;                       ///< eight random hex digits
  std::optional<std::uint16_t> short_server_id;  ///< of the account that the text is for
};

/// A text with {endpoint}, {id} (the Short Server ID) and {serial}; "{{" is one '{'.
class TextTemplate {
 public:
  TextTemplate() = default;
  /// An error (reason only) for another placeholder, and for {id} where `has_id` is false.
  static Result<TextTemplate> parse(std::string_view text, bool has_id);

  [[nodiscard]] bool is_constant() const;
  [[nodiscard]] std::string fill(const TemplateValues& values) const;
  /// The same with the values as a URI has them: what isn't unreserved (RFC 3986 §2.3) becomes %XX, so that an endpoint
  /// can't choose another host.
  [[nodiscard]] std::string fill_uri(const TemplateValues& values) const;

 private:
  enum class Kind : std::uint8_t { Text, Endpoint, Id, Serial };
  struct Piece {
    Kind kind = Kind::Text;
    std::string text;
  };
  [[nodiscard]] static std::string value_of(Kind kind, const TemplateValues& values);

  std::vector<Piece> pieces_;
};

}  // namespace drover::bootstrap

// SPDX-License-Identifier: Apache-2.0
// JSON bodies of a few members, read one by one. For api/ alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.hpp"
#include "api/problem.hpp"
#include "api/views.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace drover::api {

/// With a pointer to that member, "": to the body.
Problem bad_value(std::string_view member, std::string detail);

inline constexpr int kFormNestingMax = 18;  ///< of a body that holds operations as their own bodies have them

/// What a body asks for; `generated` is the key that was made for it, empty unless it asks for one.
template <class T>
struct Asked {
  T value;
  Secret<Bytes> generated;
};

/// The first problem stays. None repeats what it found: a misplaced value may be a key.
class Members {
 public:
  /// An object of application/json without members that aren't `known`.
  /// Deeper than `nesting_max` is refused: the object and its members are 2.
  static tl::expected<Members, Problem> parse(const http::Request& request,
                                              std::initializer_list<std::string_view> known, int nesting_max = 2);

  [[nodiscard]] bool has(const char* name) const;
  // Nothing for what isn't there, and for what is of another type, which is noted.
  std::optional<std::string> text(const char* name);
  /// null stands for "".
  std::optional<std::string> text_or_null(const char* name);
  std::optional<bool> truth(const char* name);
  std::optional<std::int64_t> number(const char* name, std::int64_t least, std::int64_t most);
  /// Unix seconds, or null for never.
  std::optional<std::optional<UnixSeconds>> time(const char* name);

  /// A list of texts.
  std::optional<std::vector<std::string>> texts(const char* name);
  /// As it stands; nullptr when it isn't there.
  [[nodiscard]] const Json* json(const char* name) const { return find(name); }
  [[nodiscard]] const Json& all() const { return *body_; }

  void note(const char* name, const std::string& detail);
  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }

 private:
  explicit Members(std::shared_ptr<const Json> body) : body_(std::move(body)) {}
  [[nodiscard]] const Json* find(const char* name) const;  ///< nullptr when it isn't there
  std::shared_ptr<const Json> body_;
  std::optional<Problem> problem_;
};

}  // namespace drover::api

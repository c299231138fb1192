// SPDX-License-Identifier: Apache-2.0
// What a request's query says, parameter by parameter, as Members reads a body. For api/ alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/problem.hpp"
#include "api/target.hpp"

namespace drover::api {

/// The largest id that the store gives.
inline constexpr std::uint64_t kIdMax = std::numeric_limits<std::int64_t>::max();
/// Items of a page, of all lists.
inline constexpr std::size_t kPageDefault = 100, kPageMost = 1000;

/// 400 that names the parameter: "NAME must be MUST".
Problem bad_parameter(std::string_view name, std::string_view must);

/// The first problem stays. What is wrong reads as what isn't there. The target outlives it.
class Parameters {
 public:
  template <class T>
  using Choices = std::initializer_list<std::pair<std::string_view, T>>;

  explicit Parameters(const Target& target) : target_(target) {}

  /// "" when it isn't there. Longer than `bytes_max` is wrong.
  std::string text(std::string_view name, std::size_t bytes_max = std::numeric_limits<std::size_t>::max());
  /// Decimal digits alone. `unit` goes behind the limits in what is said of others: " seconds".
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t least, std::uint64_t most,
                                      std::string_view unit = "");
  /// "true" or "false".
  bool truth(std::string_view name, bool otherwise);
  /// One of the texts that have a meaning.
  template <class T>
  std::optional<T> choice(std::string_view name, Choices<T> choices) {
    const auto text = target_.parameter(name);
    if (!text) return std::nullopt;
    std::string known;
    std::size_t at = 0;
    for (const auto& [choice, value] : choices) {
      if (choice == *text) return value;
      known += (at == 0 ? "" : at + 1 == choices.size() ? " or " : ", ") + std::string(choice);
      ++at;
    }
    note(name, known);
    return std::nullopt;
  }
  /// What `parse` makes of it: an optional, without a value for what is wrong.
  template <class Parse>
  auto parsed(std::string_view name, Parse parse, std::string_view must) -> decltype(parse(std::string_view{})) {
    const auto text = target_.parameter(name);
    if (!text) return std::nullopt;
    auto value = parse(*text);
    if (!value) note(name, must);
    return value;
  }
  /// `after` and `limit` of a list by id.
  std::uint64_t after_id() { return number("after", 0, kIdMax).value_or(0); }
  std::size_t limit() { return number("limit", 1, kPageMost).value_or(kPageDefault); }

  void note(std::string_view name, std::string_view must);
  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }

 private:
  const Target& target_;
  std::optional<Problem> problem_;
};

}  // namespace drover::api

// SPDX-License-Identifier: Apache-2.0
#include "api/parameters.hpp"

namespace drover::api {

Problem bad_parameter(std::string_view name, std::string_view must) {
  return {.kind = "bad-parameter",
          .detail = std::string(name) + " must be " + std::string(must),
          .parameter = std::string(name)};
}

void Parameters::note(std::string_view name, std::string_view must) {
  if (!problem_) problem_ = bad_parameter(name, must);
}

std::string Parameters::text(std::string_view name, std::size_t bytes_max) {
  const auto text = target_.parameter(name);
  if (!text) return {};
  if (text->size() <= bytes_max) return std::string(*text);
  note(name, "at most " + std::to_string(bytes_max) + " bytes");
  return {};
}

std::optional<std::uint64_t> Parameters::number(std::string_view name, std::uint64_t least, std::uint64_t most,
                                                std::string_view unit) {
  return parsed(
      name, [=](std::string_view text) { return whole_number(text, least, most); },
      std::to_string(least) + " to " + std::to_string(most) + std::string(unit));
}

bool Parameters::truth(std::string_view name, bool otherwise) {
  return choice<bool>(name, {{"true", true}, {"false", false}}).value_or(otherwise);
}

}  // namespace drover::api

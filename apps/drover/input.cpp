// SPDX-License-Identifier: Apache-2.0
#include "apps/drover/input.hpp"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "apps/drover/print.hpp"

namespace drover::cli {
namespace {

using Json = nlohmann::json;

}  // namespace

tl::expected<std::string, std::string> read_input(const std::string& file, std::size_t most) {
  std::string content;
  if (file == "-") {
    content.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (stream) content.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream) return tl::unexpected(file + " can't be read");
  }
  if (content.size() > most) {
    return tl::unexpected(file + " is larger than " + std::to_string(most >> 20) + " MiB; split it");
  }
  return content;
}

tl::expected<std::string, std::string> read_line(const std::string& file) {
  auto content = read_input(file);
  while (content && (content->ends_with('\n') || content->ends_with('\r'))) content->pop_back();
  return content;
}

std::string text_or(const Json& json, const char* name, const char* otherwise) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? printable(found->get<std::string>()) : otherwise;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace drover::cli

// SPDX-License-Identifier: Apache-2.0
#include "client/arguments.hpp"

#include <algorithm>

#include "coap/message/code.hpp"

namespace drover::client {
namespace {

/// CHAR = "!" / %x23-26 / %x28-5B / %x5D-7E
bool is_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u == 0x21 || (u >= 0x23 && u <= 0x26) || (u >= 0x28 && u <= 0x5B) || (u >= 0x5D && u <= 0x7E);
}

tl::unexpected<Error> bad(std::string_view text, std::string_view rest, const char* what) {
  return peer_error(coap::code::kBadRequest.value,
                    "argument list: " + std::string(what) + " at offset " + std::to_string(text.size() - rest.size()));
}

}  // namespace

Result<Arguments> parse_arguments(std::string_view text) {
  Arguments arguments;
  if (text.size() > kArgumentsBytesMax) return peer_error(coap::code::kBadRequest.value, "argument list: too long");
  std::string_view rest = text;
  while (!rest.empty() || !arguments.empty()) {
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') return bad(text, rest, "a digit is expected");
    Argument argument{static_cast<std::uint8_t>(rest.front() - '0'), std::nullopt};
    rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == '=') {
      rest.remove_prefix(1);
      if (rest.empty() || rest.front() != '\'') return bad(text, rest, "a quote is expected");
      rest.remove_prefix(1);
      const auto end = std::find_if_not(rest.begin(), rest.end(), is_char);
      const auto size = static_cast<std::size_t>(end - rest.begin());
      argument.value = std::string(rest.substr(0, size));
      rest.remove_prefix(size);
      if (rest.empty() || rest.front() != '\'')
        return bad(text, rest, "a character that isn't allowed, or no closing quote");
      rest.remove_prefix(1);
    }
    arguments.push_back(std::move(argument));
    if (rest.empty()) break;
    if (rest.front() != ',') return bad(text, rest, "a comma is expected");
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  }
  return arguments;
}

}  // namespace drover::client

// SPDX-License-Identifier: Apache-2.0
// The short grammars of texts: Execute arguments, attributes, URIs, addresses, paths, versions. The first byte says
// which; what was accepted is written down again and must be accepted as the same.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "client/arguments.hpp"
#include "client/attributes.hpp"
#include "client/uri.hpp"
#include "lwm2m/data/path.hpp"
#include "transport/datagram.hpp"

namespace {

using namespace drover;

void check(bool holds) {
  if (!holds) std::abort();
}

void arguments(std::string_view text) {
  const auto parsed = client::parse_arguments(text);
  if (!parsed) return;
  std::string again;
  for (const client::Argument& argument : *parsed) {
    check(argument.digit <= 9);
    if (!again.empty()) again += ',';
    again += static_cast<char>('0' + argument.digit);
    if (argument.value) again += "='" + *argument.value + "'";
  }
  const auto second = client::parse_arguments(again);
  check(second && *second == *parsed);
}

void attributes(std::string_view text) {
  std::vector<std::string> query;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find('&', from), text.size());
    query.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  const auto changes = client::parse_attributes(query);
  if (!changes) return;
  check(!changes->empty() && changes->size() <= 5);
  client::AttributeStore store;
  const lwm2m::Path path(3303, 0, 5700);
  if (!store.apply(1, path, *changes)) return;
  const client::Attributes assigned = store.assigned(1, path);
  check(store.effective(1, path) == assigned);
  std::vector<coap::LinkParameter> parameters;
  assigned.append_to(parameters);
  if (parameters.empty()) return;  // nothing but names without a value: unset
  query.clear();
  for (const coap::LinkParameter& parameter : parameters)
    query.push_back(parameter.name + "=" + parameter.value.value());
  const auto again = client::parse_attributes(query);
  check(again.has_value());
  client::AttributeStore second;
  check(second.apply(1, path, *again).has_value());
  check(second.assigned(1, path) == assigned);
}

void uri(std::string_view text) {
  const auto parsed = client::parse_server_uri(text);
  if (!parsed) return;
  check(!parsed->host.empty() && parsed->port != 0);
  const bool v6 = parsed->host.find(':') != std::string::npos;
  const std::string again = std::string(parsed->secure ? "coaps" : "coap") + "://" +
                            (v6 ? "[" + parsed->host + "]" : parsed->host) + ":" + std::to_string(parsed->port);
  if (again.size() > text.size() && again.size() > 255) return;  // the port made it too long
  const auto second = client::parse_server_uri(again);
  check(second && second->host == parsed->host && second->port == parsed->port && second->secure == parsed->secure);
  check(second->literal() == parsed->literal());
  if (v6) check(parsed->literal().has_value());
}

void address(std::string_view text) {
  const auto parsed = transport::PeerAddress::parse(text);
  if (!parsed) return;
  check(transport::PeerAddress::parse(parsed->to_string()) == parsed);
}

void path(std::string_view text) {
  const auto parsed = lwm2m::Path::parse(text);
  if (!parsed) return;
  check(parsed->depth() >= 0 && parsed->depth() <= 4);
  check(lwm2m::Path::parse(parsed->to_string()) == parsed);
  check(parsed->parent().contains(*parsed));
}

void version(std::string_view text) {
  const auto parsed = lwm2m::Version::parse(text);
  if (parsed) check(parsed->to_string() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(ByteView(data + 1, size - 1));
  switch (data[0] % 6) {
    case 0: arguments(text); break;
    case 1: attributes(text); break;
    case 2: uri(text); break;
    case 3: address(text); break;
    case 4: path(text); break;
    default: version(text); break;
  }
  return 0;
}

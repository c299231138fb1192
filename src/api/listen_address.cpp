// SPDX-License-Identifier: Apache-2.0
#include "api/listen_address.hpp"

#include <utility>  // before Asio 1.74, which forgets it
// The order matters: the library's header below needs the one above.
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <string_view>

namespace drover::api {

namespace {

constexpr const char* kForm = "it must be HOST:PORT such as 127.0.0.1:8080";

tl::unexpected<Error> refused(const std::string& text, const std::string& why) {
  return tl::unexpected(Error{Fault::Us, 0, "cannot serve the API on \"" + text + "\": " + why});
}

Scheme take_scheme(std::string_view& text) {
  for (const auto& [prefix, scheme] :
       {std::pair<std::string_view, Scheme>{"http://", Scheme::Http}, {"https://", Scheme::Https}}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    return scheme;
  }
  return Scheme::Unsaid;
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  std::string_view rest = text;
  ListenAddress address;
  address.scheme = take_scheme(rest);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return refused(text, kForm);
  const std::string_view digits = rest.substr(colon + 1);
  const auto [stop, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (bad != std::errc{} || stop != digits.data() + digits.size()) return refused(text, kForm);
  address.host = rest.substr(0, colon);
  if (address.host == "localhost") address.host = "127.0.0.1";
  const bool bracketed = address.host.starts_with('[') && address.host.ends_with(']');
  if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
  boost::system::error_code unknown;
  const auto literal = boost::asio::ip::make_address(address.host, unknown);
  if (unknown || literal.is_v6() != bracketed) {
    return refused(text, "the host must be localhost or an IP address such as 127.0.0.1, [::1] or [::]");
  }
  address.loopback = literal.is_loopback();
  return address;
}

Result<void> check_listen_address(const std::string& text, const ListenAddress& address, bool have_certificate,
                                  bool have_token) {
  if (address.scheme == Scheme::Https && !have_certificate) {
    return refused(text, "https needs api.certificate and api.private_key in the configuration file");
  }
  if (address.loopback) return {};
  if (address.scheme == Scheme::Http) {
    return refused(text, "http is for loopback addresses; others are served by https only");
  }
  std::string missing;
  if (!have_certificate) missing = "TLS (api.certificate and api.private_key in the configuration file)";
  if (!have_token) {
    missing += std::string(missing.empty() ? "" : " and ") + "a token (droverd --add-token NAME:admin makes the first)";
  }
  if (missing.empty()) return {};
  return refused(text, "other addresses than loopback (127.0.0.1, [::1]) need " + missing);
}

}  // namespace drover::api

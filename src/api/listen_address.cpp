// SPDX-License-Identifier: Apache-2.0
#include "api/listen_address.hpp"

#include <utility>  // before Asio 1.74, which forgets it
// The order matters: the library's header below needs the one above.
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace drover::api {

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto failure = [&](const std::string& why) {
    return tl::unexpected(Error{Fault::Us, 0, "cannot serve the API on \"" + text + "\": " + why});
  };
  const std::size_t colon = text.rfind(':');
  ListenAddress address;
  if (colon == std::string::npos) return failure("it must be HOST:PORT such as 127.0.0.1:8080");
  const char* const end = text.data() + text.size();
  const auto [stop, bad] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (bad != std::errc{} || stop != end) return failure("it must be HOST:PORT such as 127.0.0.1:8080");
  address.host = text.substr(0, colon);
  if (address.host == "localhost") address.host = "127.0.0.1";
  const bool bracketed = address.host.starts_with('[') && address.host.ends_with(']');
  if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
  boost::system::error_code unknown;
  const auto literal = boost::asio::ip::make_address(address.host, unknown);
  if (unknown || literal.is_v6() != bracketed) {
    return failure("the host must be localhost, 127.0.0.1 or [::1]");
  }
  if (!literal.is_loopback()) {
    return failure("only loopback addresses (127.0.0.1, [::1]) are allowed, because the API has no authentication yet");
  }
  return address;
}

}  // namespace drover::api

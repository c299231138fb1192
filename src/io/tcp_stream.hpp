// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/byte_stream.hpp"
#include "transport/datagram.hpp"

namespace drover::io {

/// Begins a connection; it is connecting, or an error says why not: "cannot connect to 192.0.2.1:2775: ...".
Result<ByteStream> connect_tcp(const transport::PeerAddress& to);

/// A host that is connected to again and again. One thread at a time.
class TcpConnector {
 public:
  TcpConnector(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
  /// "HOST:PORT", "[IPv6]:PORT", or a host alone with `default_port`. An error of Fault::Us otherwise.
  static Result<TcpConnector> parse(std::string_view text, std::uint16_t default_port);

  /// Looks the host up, which blocks, and begins a connection to the next of its addresses: the first one the first
  /// time, the one behind it when that has failed, and so on in a circle.
  Result<ByteStream> connect();

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::string host_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
};

}  // namespace drover::io

// SPDX-License-Identifier: Apache-2.0
// Firmware repositories on loopback that fail as they are told to.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "coap/message/block.hpp"
#include "io/event_loop.hpp"
#include "transport/datagram.hpp"

namespace drover::testing {

/// `size` bytes that differ from place to place.
Bytes test_image(std::size_t size, std::uint64_t seed = 1);

/// A CoAP server with /fw on the loop of the test.
class CoapFiles {
 public:
  explicit CoapFiles(io::EventLoop& loop);
  ~CoapFiles();
  CoapFiles(const CoapFiles&) = delete;
  CoapFiles& operator=(const CoapFiles&) = delete;

  [[nodiscard]] std::string uri(const std::string& path = "/fw") const;

  Bytes image = test_image(20'000);
  Bytes etag{1};
  /// So many datagrams are answered from now on; then there is silence.
  std::size_t answers = SIZE_MAX;
  /// The time between two answers.
  Duration pace{};
  /// Blocks that were asked for, in the order of the datagrams; 0 where a GET has no Block2.
  std::vector<std::uint32_t> asked;

 private:
  struct State;
  void receive();
  void answer();
  void drain();
  std::unique_ptr<State> state_;
};

/// What a repository answers for /fw and /elsewhere.
struct HttpBehaviour {
  Bytes image = test_image(300'000);
  std::string etag = "\"one\"";
  /// Each connection breaks off behind so many bytes of the image's rest, so many times.
  std::size_t cut_after = 0;
  int cuts = 0;
  std::string etag_after_cut{};  ///< "" leaves it
  Bytes image_after_cut{};       ///< empty leaves it
  /// Where /elsewhere leads to.
  std::string location{};
};

/// An HTTP server with /fw on threads of its own.
class HttpFiles {
 public:
  /// `secure`: HTTPS with a certificate of its own for 127.0.0.1, which is put into `certificate_file`.
  explicit HttpFiles(HttpBehaviour behaviour = {}, const std::string& certificate_file = {});
  ~HttpFiles();
  HttpFiles(const HttpFiles&) = delete;
  HttpFiles& operator=(const HttpFiles&) = delete;

  [[nodiscard]] std::string uri(const std::string& path = "/fw") const;
  /// Thread-safe, like the others below.
  void redirect_to(std::string location);
  /// What /fw has at this time.
  [[nodiscard]] Bytes image() const;
  /// The Range header of each request for /fw, "" without one.
  [[nodiscard]] std::vector<std::string> ranges() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drover::testing

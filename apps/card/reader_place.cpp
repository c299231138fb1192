// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "apps/card/hex.hpp"
#include "apps/card/place.hpp"
#include "apps/card/vpcd.hpp"
#include "io/clock.hpp"

namespace drover::card {

namespace uicc = smartcard::uicc;

namespace {

class PrintedTrace final : public smartcard::Trace {
 public:
  void exchanged(ByteView command, ByteView response) override {
    std::fprintf(stderr, "> %s\n< %s\n", upper_hex(command).c_str(), upper_hex(response).c_str());
  }
};

/// vsmartcard's reader: the connection is the insertion.
class Reader final : public Place {
 public:
  Reader(const Options& options, uicc::CardImage image)
      : host_(options.vpcd_host), port_(options.vpcd_port), traces_(options.trace), card_(std::move(image), rng_) {}
  ~Reader() override { remove(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<void> insert() override {
    if (has_card()) return {};
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    inet_pton(AF_INET, host_.c_str(), &address.sin_addr);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const std::string reason = name() + ": " + std::strerror(errno);
      remove();
      return tl::unexpected(Error{Fault::Environment, 0, reason});
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    card_.reset();
    session_.emplace(card_, traces_ ? &trace_ : nullptr);
    return {};
  }

  void remove() override {
    session_.reset();
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  [[nodiscard]] bool has_card() const override { return socket_ >= 0; }
  [[nodiscard]] int fd() const override { return socket_; }

  Result<void> serve() override {
    std::uint8_t buffer[4096];
    const auto count = recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count <= 0) return gone();
    session_->receive(ByteView(buffer, static_cast<std::size_t>(count)));
    while (const auto output = session_->poll_output()) {
      for (ByteView left = *output; !left.empty();) {
        const auto sent = send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent <= 0) return gone();
        left = left.subspan(static_cast<std::size_t>(sent));
      }
    }
    return {};
  }

  void reset() override { card_.reset(); }
  void replace(const uicc::CardImage& image) override { card_.replace(image); }

 private:
  [[nodiscard]] std::string name() const { return "the reader at " + host_ + ":" + std::to_string(port_); }
  Result<void> gone() {
    remove();
    return tl::unexpected(Error{Fault::Environment, 0, name() + " went away"});
  }

  std::string host_;
  std::uint16_t port_;
  bool traces_;
  PrintedTrace trace_;
  io::SystemRng rng_;
  uicc::Uicc card_;
  std::optional<VpcdSession> session_;
  int socket_ = -1;
};

}  // namespace

Result<std::unique_ptr<Place>> in_reader(const Options& options, uicc::CardImage image) {
  return std::make_unique<Reader>(options, std::move(image));
}

}  // namespace drover::card

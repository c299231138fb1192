// SPDX-License-Identifier: Apache-2.0
#include "tls_client.hpp"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

namespace drover::api::test {

TlsClient::TlsClient(int port, const Settings& settings)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
  // libssl writes with write(2).
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX_load_verify_file(context_.get(), settings.authority.c_str());
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  if (settings.version_max != 0) SSL_CTX_set_max_proto_version(context_.get(), settings.version_max);
  // So that versions which are too old can be offered.
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval wait{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set1_host(ssl_.get(), settings.host.c_str());
  // As the macro SSL_set_tlsext_host_name has it, without its C cast.
  std::string name = settings.host;
  SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  ERR_clear_error();
  connected_ = SSL_connect(ssl_.get()) == 1;
  if (connected_) return;
  const long verified = SSL_get_verify_result(ssl_.get());
  const char* const text = ERR_reason_error_string(ERR_peek_last_error());
  reason_ = verified != X509_V_OK ? X509_verify_cert_error_string(verified) : text != nullptr ? text : "closed";
}

TlsClient::~TlsClient() {
  if (connected_) SSL_shutdown(ssl_.get());
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
}

std::string TlsClient::version() const {
  return SSL_get_version(ssl_.get());
}

bool TlsClient::send(std::string_view text) {
  return connected_ && SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
}

bool TlsClient::fill() {
  if (!connected_) return false;
  std::array<char, 4096> bytes{};
  const int got = SSL_read(ssl_.get(), bytes.data(), bytes.size());
  if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  if (got <= 0) ended_well_ = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
  return got > 0;
}

std::string TlsClient::read_through(std::string_view text) {
  while (true) {
    const std::size_t found = buffer_.find(text);
    if (found != std::string::npos) {
      std::string taken = buffer_.substr(0, found + text.size());
      buffer_.erase(0, found + text.size());
      return taken;
    }
    if (!fill()) return {};
  }
}

std::string TlsClient::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

}  // namespace drover::api::test

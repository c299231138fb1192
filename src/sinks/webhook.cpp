// SPDX-License-Identifier: Apache-2.0
#include "sinks/webhook.hpp"

#include <httplib.h>
#include <openssl/ssl.h>

#include <charconv>
#include <ctime>
#include <limits>
#include <utility>

#include "base/uri.hpp"
#include "io/clock.hpp"
#include "sinks/signature.hpp"

namespace drover::sinks {

namespace {

enum class Verdict : std::uint8_t { Delivered, Failed, Refused };

Verdict judge(int status) {
  constexpr int kRequestTimeout = 408;
  constexpr int kTooEarly = 425;
  constexpr int kTooManyRequests = 429;
  if (status >= 200 && status < 300) return Verdict::Delivered;
  const bool passes = status == kRequestTimeout || status == kTooEarly || status == kTooManyRequests;
  return status >= 400 && status < 500 && !passes ? Verdict::Refused : Verdict::Failed;
}

std::string reason_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::SSLServerVerification: return "its certificate isn't trusted, or is for another name";
    case httplib::Error::SSLLoadingCerts: return "the trusted certificates can't be read";
    case httplib::Error::SSLConnection: return "no TLS connection";
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout: return "the host is unknown, refuses the connection, or doesn't answer";
    case httplib::Error::Read: return "no answer in time, or the connection was lost";
    case httplib::Error::Write: return "the connection was lost";
    default: return "no answer: " + httplib::to_string(error);
  }
}

std::string body_of(const Message& message, bool single) {
  if (single) return message.items.front()->text();
  std::string body = "{\"events\":[";
  for (const events::ItemPtr& item : message.items) {
    if (item != message.items.front()) body += ',';
    body += item->text();
  }
  return body + "]}";
}

class Webhook final : public Outlet {
 public:
  Webhook(WebhookSettings settings, const Uri& uri)
      : settings_(std::move(settings)), target_(uri.target()), client_(uri.scheme + "://" + uri.authority()) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(settings_.timeout);
    client_.set_connection_timeout(whole);
    client_.set_read_timeout(whole);
    client_.set_write_timeout(whole);
    client_.set_keep_alive(true);
    client_.set_follow_location(false);
    client_.set_url_encode(false);
    if (uri.scheme != "https") return;
    client_.enable_server_certificate_verification(true);
    if (!settings_.ca_file.empty()) client_.set_ca_cert_path(settings_.ca_file);
    if (SSL_CTX* const context = client_.ssl_context()) SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  }

  [[nodiscard]] bool is_usable() const { return client_.is_valid(); }

  void attach(io::EventLoop& /*loop*/, Reports& reports) override { reports_ = &reports; }
  [[nodiscard]] State state() const override { return State::Open; }
  void open() override {}
  void close() override {}
  void interrupt() override { client_.stop(); }
  void send(const Message& message) override;

 private:
  httplib::Request request_of(const Message& message) const;
  [[nodiscard]] std::string delivery_id(const Message& message) const;

  const WebhookSettings settings_;
  const std::string target_;
  httplib::Client client_;
  Reports* reports_ = nullptr;
};

std::string Webhook::delivery_id(const Message& message) const {
  if (message.is_test()) return settings_.series + "-test-" + std::to_string(message.key);
  return settings_.series + "-" + std::to_string(message.items.front()->number) + "-" + std::to_string(message.last());
}

httplib::Request Webhook::request_of(const Message& message) const {
  httplib::Request request;
  request.method = "POST";
  request.path = target_;
  request.body = body_of(message, settings_.single);
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "drover"},
                     {"X-Drover-Sink", settings_.name},
                     {"X-Drover-Delivery", delivery_id(message)}};
  if (!settings_.secret.empty()) {
    request.headers.emplace("X-Drover-Signature",
                            signature_of(settings_.secret.reveal(), io::unix_now(), request.body));
  }
  if (!settings_.token.empty()) request.headers.emplace("Authorization", "Bearer " + settings_.token.reveal());
  return request;
}

void Webhook::send(const Message& message) {
  const std::uint64_t key = message.key;  // reports may end the message
  httplib::Request request = request_of(message);
  std::size_t read = 0;
  const Instant until = io::now() + settings_.timeout;
  request.content_receiver = [&](const char*, std::size_t size, std::uint64_t, std::uint64_t) {
    read += size;
    return read <= kAnswerMax && io::now() < until;
  };
  httplib::Response response;
  auto error = httplib::Error::Success;
  client_.send(request, response, error);
  // The status comes before a body that was cut or broke off, and counts.
  if (response.status <= 0) return reports_->failed(reason_of(error), std::nullopt);
  const std::string reason = "the receiver answers " + std::to_string(response.status);
  switch (judge(response.status)) {
    case Verdict::Delivered: return reports_->delivered(key);
    case Verdict::Refused: return reports_->refused(key, reason);
    case Verdict::Failed:
      return reports_->failed(reason, parse_retry_after(response.get_header_value("Retry-After"), io::unix_now()));
  }
}

}  // namespace

std::optional<Duration> parse_retry_after(const std::string& text, UnixSeconds unix_now) {
  std::uint32_t seconds = 0;
  const auto [stop, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (bad == std::errc{} && stop == text.data() + text.size()) return std::chrono::seconds(seconds);
  std::tm date{};
  const char* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(::timegm(&date) - unix_now, 0,
                                                       std::numeric_limits<std::int32_t>::max()));
}

Result<std::unique_ptr<Outlet>> make_webhook(WebhookSettings settings) {
  const auto wrong = [](const std::string& reason) { return tl::unexpected(Error{Fault::Us, 0, reason}); };
  const auto uri = parse_uri(settings.url);
  if (!uri) return wrong("url: " + uri.error().reason);
  if (uri->scheme != "http" && uri->scheme != "https") return wrong("url must begin with http:// or https://");
  auto webhook = std::make_unique<Webhook>(std::move(settings), *uri);
  if (!webhook->is_usable()) return wrong("url: its host can't be used");
  return webhook;
}

}  // namespace drover::sinks

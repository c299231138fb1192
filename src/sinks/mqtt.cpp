// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt.hpp"

#ifdef DROVER_HAS_MQTT

#include <fcntl.h>
#include <mosquitto.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/uri.hpp"
#include "io/clock.hpp"
#include "sinks/topic.hpp"

namespace drover::sinks {

namespace {

constexpr std::uint16_t kPort = 1883;
constexpr std::uint16_t kSecurePort = 8883;
constexpr int kKeepAlive = 30;  ///< seconds
constexpr int kQos = 1;
constexpr int kPacketsAtOnce = 64;
constexpr Duration kHousekeeping = std::chrono::seconds(1);  ///< of the library: keep-alive
constexpr std::string_view kOnline = "online";
constexpr std::string_view kOffline = "offline";

std::string reason_of(int code, int error) {
  switch (code) {
    case MOSQ_ERR_ERRNO: return error == 0 ? "the connection was lost" : std::strerror(error);
    case MOSQ_ERR_CONN_LOST: return "the connection is refused, or was lost";
    case MOSQ_ERR_TLS: return "no TLS: nobody is there, or the certificate isn't trusted, or is for another name";
    default: return mosquitto_strerror(code);
  }
}

struct Free {
  void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};

class Mqtt final : public Outlet {
 public:
  Mqtt(MqttSettings settings, Uri uri)
      : settings_(std::move(settings)), host_(uri.host), secure_(uri.scheme == "mqtts") {
    port_ = uri.port.value_or(secure_ ? kSecurePort : kPort);
  }
  ~Mqtt() override {
    unwatch();
    if (loop_ != nullptr) loop_->remove_waker(waker_);
  }
  Mqtt(const Mqtt&) = delete;
  Mqtt& operator=(const Mqtt&) = delete;

  void attach(io::EventLoop& loop, Reports& reports) override {
    loop_ = &loop;
    reports_ = &reports;
    waker_ = loop.add_waker([this] { return client_ ? std::optional(housekeeping_at_) : std::nullopt; },
                            [this](Instant now) { keep_house(now); });
  }
  [[nodiscard]] State state() const override { return state_; }
  void open() override;
  void send(const Message& message) override;
  void close() override;

 private:
  static Mqtt& of(void* self) { return *static_cast<Mqtt*>(self); }
  std::string set_up();
  void on_connect(int code);
  void on_publish(int packet);
  void on_ready();
  void keep_house(Instant now);
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool wants_write() const;
  void watch();
  void unwatch();
  /// What each call of the library is followed by: its callbacks only take notes.
  void after_call(int code);
  void drop(const std::string& reason);

  const MqttSettings settings_;
  const std::string host_;
  const bool secure_;
  int port_ = kPort;
  io::EventLoop* loop_ = nullptr;
  Reports* reports_ = nullptr;
  int waker_ = 0;
  State state_ = State::Closed;
  std::unique_ptr<mosquitto, Free> client_;
  /// Of the library's socket: our own descriptor stays valid when the library closes its one.
  int watched_ = -1;
  bool watched_write_ = false;
  bool connected_ = false;  ///< TCP
  std::map<int, std::uint64_t> sent_;  ///< packet identifiers to keys of messages
  std::string lost_;                   ///< why the connection has ended
  Instant housekeeping_at_{};
  Instant opened_by_{};
};

/// Why not, or "".
std::string Mqtt::set_up() {
  mosquitto* const client = client_.get();
  // The delivery bounds them; a test and the status come on top, and nothing is to wait in the library.
  mosquitto_max_inflight_messages_set(client, static_cast<unsigned>(settings_.in_flight) + 2);
  mosquitto_connect_callback_set(client, [](mosquitto*, void* self, int code) { of(self).on_connect(code); });
  mosquitto_publish_callback_set(client, [](mosquitto*, void* self, int packet) { of(self).on_publish(packet); });
  mosquitto_disconnect_callback_set(client, [](mosquitto*, void* self, int code) {
    std::string& lost = of(self).lost_;
    if (lost.empty()) lost = code == MOSQ_ERR_SUCCESS ? "the connection is closed" : "the connection was lost";
  });
  int code = MOSQ_ERR_SUCCESS;
  if (!settings_.username.empty()) {
    const std::string& password = settings_.password.reveal();
    code = mosquitto_username_pw_set(client, settings_.username.c_str(), password.empty() ? nullptr : password.c_str());
  }
  if (code == MOSQ_ERR_SUCCESS && !settings_.status_topic.empty()) {
    code = mosquitto_will_set(client, settings_.status_topic.c_str(), static_cast<int>(kOffline.size()),
                              kOffline.data(), kQos, true);
  }
  if (code == MOSQ_ERR_SUCCESS && secure_) {
    code = settings_.ca_file.empty()
               ? mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1)
               : mosquitto_tls_set(client, settings_.ca_file.c_str(), nullptr, nullptr, nullptr, nullptr);
    constexpr int kVerifyPeer = 1;
    if (code == MOSQ_ERR_SUCCESS) code = mosquitto_tls_opts_set(client, kVerifyPeer, "tlsv1.2", nullptr);
  }
  return code == MOSQ_ERR_SUCCESS ? "" : mosquitto_strerror(code);
}

void Mqtt::open() {
  constexpr bool kCleanSession = false;
  client_.reset(mosquitto_new(settings_.client_id.c_str(), kCleanSession, this));
  state_ = State::Opening;
  lost_.clear();
  if (!client_) return drop("the client can't be made");
  if (const std::string wrong = set_up(); !wrong.empty()) return drop(wrong);
  const Instant now = io::now();
  opened_by_ = now + settings_.timeout;
  housekeeping_at_ = now + kHousekeeping;
  errno = 0;
  const int code = mosquitto_connect_async(client_.get(), host_.c_str(), port_, kKeepAlive);
  if (code != MOSQ_ERR_SUCCESS) return drop(reason_of(code, errno));
  watched_ = ::fcntl(mosquitto_socket(client_.get()), F_DUPFD_CLOEXEC, 0);
  if (watched_ < 0) return drop(std::strerror(errno));
  watched_write_ = true;
  connected_ = false;
  loop_->watch(watched_, io::EventLoop::Interest::ReadWrite, [this] { on_ready(); });
}

void Mqtt::send(const Message& message) {
  const std::uint64_t key = message.key;
  const events::Item& item = *message.items.front();
  const std::string& text = item.text();
  int packet = 0;
  const int code = mosquitto_publish(client_.get(), &packet, topic_of(settings_.topic, item).c_str(),
                                     static_cast<int>(text.size()), text.data(), kQos, false);
  switch (code) {
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
      return reports_->refused(key, std::string("it can't be published: ") + mosquitto_strerror(code));
    default: break;
  }
  if (code == MOSQ_ERR_SUCCESS) sent_[packet] = key;
  after_call(code);
}

void Mqtt::close() {
  if (!client_) return;
  if (state_ == State::Open) {
    if (!settings_.status_topic.empty()) {
      mosquitto_publish(client_.get(), nullptr, settings_.status_topic.c_str(), static_cast<int>(kOffline.size()),
                        kOffline.data(), kQos, true);
    }
    mosquitto_disconnect(client_.get());
    mosquitto_loop_write(client_.get(), kPacketsAtOnce);
  }
  unwatch();
  client_.reset();
  sent_.clear();
  state_ = State::Closed;
}

void Mqtt::on_connect(int code) {
  if (code != 0) {
    lost_ = std::string("the broker refuses us: ") + mosquitto_connack_string(code);
    return;
  }
  state_ = State::Open;
  if (settings_.status_topic.empty()) return;
  mosquitto_publish(client_.get(), nullptr, settings_.status_topic.c_str(), static_cast<int>(kOnline.size()),
                    kOnline.data(), kQos, true);
}

void Mqtt::on_publish(int packet) {
  const auto found = sent_.find(packet);
  if (found == sent_.end()) return;  // the status
  const std::uint64_t key = found->second;
  sent_.erase(found);
  reports_->delivered(key);
}

void Mqtt::on_ready() {
  const State before = state_;
  connected_ = true;
  int code = mosquitto_loop_read(client_.get(), kPacketsAtOnce);
  if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(client_.get())) {
    code = mosquitto_loop_write(client_.get(), kPacketsAtOnce);
  }
  // The library takes a connection that failed for a TLS handshake that goes on.
  if (code == MOSQ_ERR_SUCCESS && lost_.empty() && state_ == State::Opening && is_over()) {
    code = MOSQ_ERR_CONN_LOST;
  }
  if (lost_.empty() && before == State::Opening && state_ == State::Open) reports_->opened();
  after_call(code);
}

void Mqtt::keep_house(Instant now) {
  housekeeping_at_ = now + kHousekeeping;
  if (state_ == State::Opening && now >= opened_by_) return drop("no answer in time");
  after_call(mosquitto_loop_misc(client_.get()));
}

/// Whether nothing more can come.
bool Mqtt::is_over() const {
  pollfd line{watched_, POLLIN | POLLRDHUP, 0};
  return ::poll(&line, 1, 0) > 0 && (line.revents & (POLLERR | POLLHUP | POLLRDHUP)) != 0;
}

/// Whether there is something that a writable socket would help.
bool Mqtt::wants_write() const {
  if (!connected_) return true;
  const auto* const ssl = static_cast<const SSL*>(mosquitto_ssl_get(client_.get()));
  // What is queued waits for the handshake, which waits for the broker.
  if (ssl != nullptr && SSL_is_init_finished(ssl) == 0) return SSL_want_write(ssl);
  return mosquitto_want_write(client_.get());
}

void Mqtt::watch() {
  const bool write = wants_write();
  if (watched_ < 0 || write == watched_write_) return;
  watched_write_ = write;
  loop_->change(watched_, write ? io::EventLoop::Interest::ReadWrite : io::EventLoop::Interest::Read);
}

void Mqtt::unwatch() {
  if (watched_ < 0) return;
  loop_->unwatch(watched_);
  ::close(watched_);
  watched_ = -1;
}

void Mqtt::after_call(int code) {
  if (!lost_.empty()) return drop(lost_);
  if (code != MOSQ_ERR_SUCCESS) return drop(reason_of(code, 0));
  watch();
}

void Mqtt::drop(const std::string& reason) {
  unwatch();
  client_.reset();
  sent_.clear();
  state_ = State::Closed;
  reports_->failed(reason, std::nullopt);
}

}  // namespace

bool has_mqtt() {
  return true;
}

Result<std::unique_ptr<Outlet>> make_mqtt(MqttSettings settings) {
  const auto wrong = [](const std::string& reason) { return tl::unexpected(Error{Fault::Us, 0, reason}); };
  const auto uri = parse_uri(settings.url);
  if (!uri) return wrong("url: " + uri.error().reason);
  if (uri->scheme != "mqtt" && uri->scheme != "mqtts") return wrong("url must begin with mqtt:// or mqtts://");
  if ((uri->path != "" && uri->path != "/") || uri->query) return wrong("url must end with the port: see topic");
  if (auto fine = check_topic_template(settings.topic); !fine) return wrong("topic " + fine.error().reason);
  static std::once_flag initialised;
  std::call_once(initialised, [] { mosquitto_lib_init(); });
  return std::make_unique<Mqtt>(std::move(settings), *uri);
}

}  // namespace drover::sinks

#endif

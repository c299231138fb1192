// SPDX-License-Identifier: Apache-2.0
#include <utility>  // before Asio 1.74, which forgets it
// The order matters: the library's headers below need the one above.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <cassert>
#include <charconv>
#include <map>
#include <optional>
#include <thread>

#include "api/host_guard.hpp"
#include "api/http.hpp"
#include "api/listen_address.hpp"
#include "api/problem.hpp"

namespace drover::api::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nServer: drover\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n: connected\n\n";
constexpr std::string_view kStreamComment = ": keep-alive\n\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kLingerMax =
    8 << 20;  ///< bytes thrown away behind a refused request before the connection is cut
constexpr int kBacklog = 128;

Response plain_problem(unsigned status, std::string_view kind, std::string detail) {
  return to_response(Problem{.status = status, .kind = kind, .detail = std::move(detail)});
}

/// What a request that can't be read is told; nothing when there is nobody left to tell.
std::optional<Response> reading_problem(const error_code& failure) {
  if (failure == bhttp::error::header_limit || failure == bhttp::error::buffer_overflow) {
    return plain_problem(431, "too-large", "the request's header is too large");
  }
  if (failure == bhttp::error::body_limit) return plain_problem(413, "too-large", "the request's body is too large");
  if (failure == bhttp::error::end_of_stream || failure == bhttp::error::partial_message) return std::nullopt;
  if (failure.category() == make_error_code(bhttp::error::bad_method).category()) {
    return plain_problem(400, "bad-request", "this is no HTTP/1.1 request: " + failure.message());
  }
  return std::nullopt;
}

std::string lower_media_type(std::string_view field) {
  std::string text(field.substr(0, field.find(';')));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string to_std(boost::beast::string_view view) {
  return {view.data(), view.size()};
}

}  // namespace

class Session;

/// What the server's thread owns. Sessions live in `sessions` until they close; a Responder names them by number, so
/// that one that comes late finds nothing.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const Limits& core_limits, Handler core_handler) : limits(core_limits), handler(std::move(core_handler)) {}

  void accept(tcp::acceptor& acceptor);
  void close(std::uint64_t connection) {
    sessions.erase(connection);
    if (stopping && sessions.empty()) context.stop();
  }
  void stop_on_thread();
  template <class F>
  void with_session(std::uint64_t connection, F&& f);

  const Limits limits;
  const Handler handler;
  asio::io_context context{1};
  std::vector<tcp::acceptor> acceptors;
  // Behind the context: destroyed before it.
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions;
  std::optional<asio::steady_timer> stop_timer;
  std::uint64_t next_connection = 1;
  bool stopping = false;
  std::atomic<bool> wake_pending{false};
  std::atomic<std::size_t> streams{0};
  std::thread thread;
};

/// One connection: reads a request, waits for its answer, writes it, again; or becomes an event stream.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Core& core, std::uint64_t number, tcp::socket socket)
      : core_(core),
        number_(number),
        stream_(std::move(socket)),
        timer_(core.context),
        buffer_(core.limits.header_max) {}
  ~Session() {
    if (source_) --core_.streams;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() { read_header(); }
  void refuse(Response response) {
    ++request_;
    state_ = State::Handling;
    close_after_ = true;
    write(response);
  }
  void answer(std::uint64_t request, const Response& response) {
    if (waits(request)) write(response);
  }
  [[nodiscard]] bool waits(std::uint64_t request) const { return state_ == State::Handling && request == request_; }
  void answer_within(std::uint64_t request, std::chrono::milliseconds wait, Response otherwise);
  void start_stream(std::uint64_t request, std::unique_ptr<StreamSource> source);
  void pump();
  void shut_down();

 private:
  enum class State : std::uint8_t { Idle, Reading, Handling, Writing, Streaming, Lingering, Closed };

  void read_header();
  void on_header(const error_code& failure);
  void read_body();
  void on_body(const error_code& failure);
  void dispatch();
  std::optional<Response> guard(std::string& target);
  void write(const Response& response);
  template <class Body>
  void send(std::shared_ptr<bhttp::response<Body>> message);
  void on_written(const error_code& failure);
  void write_stream();
  void watch_stream_end();
  void linger();
  void discard();
  void close();
  void reading_failed(const error_code& failure);

  Core& core_;
  const std::uint64_t number_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  State state_ = State::Idle;
  std::uint64_t request_ = 0;  ///< counts the requests of this connection
  bool close_after_ = false;
  bool head_only_ = false;
  bool stream_writing_ = false;
  std::size_t discarded_ = 0;
  std::unique_ptr<StreamSource> source_;
  std::string out_;
};

// ---- Session --------------------------------------------------------------------------------------------------------

void Session::read_header() {
  if (core_.stopping) return close();
  state_ = State::Idle;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(core_.limits.header_max));
  parser_->body_limit(core_.limits.body_max);
  // Two waits: an idle connection may be kept long, a begun header may not.
  if (buffer_.size() > 0) {
    state_ = State::Reading;
    stream_.expires_after(core_.limits.header_wait);
    bhttp::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](const error_code& failure, std::size_t) { self->on_header(failure); });
    return;
  }
  stream_.expires_after(core_.limits.idle_wait);
  stream_.async_read_some(buffer_.prepare(1024),
                          [self = shared_from_this()](const error_code& failure, std::size_t size) {
                            if (failure) return self->close();
                            self->buffer_.commit(size);
                            self->read_header();
                          });
}

void Session::reading_failed(const error_code& failure) {
  auto response = reading_problem(failure);
  if (!response) return close();
  refuse(std::move(*response));
}

void Session::on_header(const error_code& failure) {
  if (failure) return reading_failed(failure);
  const auto& request = parser_->get();
  const auto expect = request.find(bhttp::field::expect);
  if (expect != request.end() && !parser_->is_done() && beast::iequals(expect->value(), "100-continue")) {
    stream_.expires_after(core_.limits.write_wait);
    asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = shared_from_this()](const error_code& broken, std::size_t) {
                        if (broken) return self->close();
                        self->read_body();
                      });
    return;
  }
  read_body();
}

void Session::read_body() {
  if (parser_->is_done()) return dispatch();
  // The buffer is as large as a header may be; string_body takes the body out of it piece by piece.
  stream_.expires_after(core_.limits.body_wait);
  bhttp::async_read(stream_, buffer_, *parser_,
                    [self = shared_from_this()](const error_code& failure, std::size_t) { self->on_body(failure); });
}

void Session::on_body(const error_code& failure) {
  if (failure) return reading_failed(failure);
  dispatch();
}

std::optional<Response> Session::guard(std::string& target) {
  const auto& request = parser_->get();
  std::string host = to_std(request[bhttp::field::host]);
  const auto host_fields = request.count(bhttp::field::host);
  if (host_fields > 1 || (host_fields == 0 && request.version() >= 11)) {
    return plain_problem(400, "bad-request", "a request needs exactly one Host field");
  }
  // The absolute form goes before Host (RFC 9112 §3.2.2).
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    host = target.substr(kScheme.size(), slash == std::string::npos ? slash : slash - kScheme.size());
    target = slash == std::string::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) return plain_problem(400, "bad-request", "the request target must start with a slash");
  if (!is_loopback_host(host)) {
    return plain_problem(421, "foreign-host", "Host must be localhost or a loopback address");
  }
  const auto origin = request.find(bhttp::field::origin);
  if (origin != request.end() && !is_same_origin(to_std(origin->value()), host)) {
    return plain_problem(403, "foreign-origin", "requests of pages from elsewhere are refused");
  }
  return std::nullopt;
}

void Session::dispatch() {
  ++request_;
  state_ = State::Handling;
  close_after_ = !parser_->get().keep_alive();
  head_only_ = parser_->get().method() == bhttp::verb::head;
  Request request;
  request.target = to_std(parser_->get().target());
  if (auto refused = guard(request.target)) {
    close_after_ = true;
    return write(*refused);
  }
  request.method = head_only_ ? "GET" : to_std(parser_->get().method_string());
  request.content_type = lower_media_type(to_std(parser_->get()[bhttp::field::content_type]));
  request.last_event_id = to_std(parser_->get()["Last-Event-ID"]);
  request.body = std::move(parser_->get().body());
  Responder responder(core_.weak_from_this(), number_, request_);
  answer_within(request_, core_.limits.answer_wait, plain_problem(500, "internal", "the request was not answered"));
  core_.handler(std::move(request), std::move(responder));
}

void Session::answer_within(std::uint64_t request, std::chrono::milliseconds wait, Response otherwise) {
  if (!waits(request)) return;
  timer_.expires_after(wait);
  timer_.async_wait(
      [self = shared_from_this(), request, otherwise = std::move(otherwise)](const error_code& cancelled) {
        if (!cancelled) self->answer(request, otherwise);
      });
}

void Session::write(const Response& response) {
  state_ = State::Writing;
  timer_.cancel();
  const auto fill = [&](auto& message) {
    message.version(11);
    message.result(response.status);
    message.set(bhttp::field::server, "drover");
    message.set(bhttp::field::content_type, response.content_type);
    message.set(bhttp::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) message.set(name, value);
    message.keep_alive(!close_after_);
    message.content_length(response.body.size());
  };
  if (head_only_) {
    auto message = std::make_shared<bhttp::response<bhttp::empty_body>>();
    fill(*message);
    return send(std::move(message));
  }
  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->body() = response.body;
  fill(*message);
  send(std::move(message));
}

template <class Body>
void Session::send(std::shared_ptr<bhttp::response<Body>> message) {
  stream_.expires_after(core_.limits.write_wait);
  auto& reference = *message;
  bhttp::async_write(stream_, reference,
                     [self = shared_from_this(), message = std::move(message)](const error_code& failure, std::size_t) {
                       self->on_written(failure);
                     });
}

void Session::on_written(const error_code& failure) {
  if (failure) return close();
  if (core_.stopping) return close();
  if (close_after_) return linger();
  head_only_ = false;
  read_header();
}

void Session::start_stream(std::uint64_t request, std::unique_ptr<StreamSource> source) {
  if (!waits(request)) return;
  state_ = State::Streaming;
  timer_.cancel();
  source_ = std::move(source);
  ++core_.streams;
  out_ = kStreamHead;
  stream_.expires_never();
  watch_stream_end();
  write_stream();
}

/// A client has nothing to say on a stream; reading shows when it leaves.
void Session::watch_stream_end() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](const error_code& failure, std::size_t) {
    if (failure) return self->close();
    if (self->state_ == State::Streaming) self->watch_stream_end();
  });
}

void Session::write_stream() {
  stream_writing_ = true;
  timer_.cancel();
  stream_.expires_after(core_.limits.write_wait);
  asio::async_write(stream_, asio::buffer(out_), [self = shared_from_this()](const error_code& failure, std::size_t) {
    self->stream_writing_ = false;
    if (failure) return self->close();
    self->pump();
  });
}

void Session::pump() {
  if (state_ != State::Streaming || stream_writing_) return;
  if (core_.stopping) return close();
  out_ = source_->pull();
  if (!out_.empty()) return write_stream();
  timer_.expires_after(core_.limits.keep_alive_wait);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (cancelled || self->state_ != State::Streaming || self->stream_writing_) return;
    self->out_ = kStreamComment;
    self->write_stream();
  });
}

/// Half-closes and reads what the client still sends: closing with unread bytes would reset the connection and the
/// client might never see the answer.
void Session::linger() {
  state_ = State::Lingering;
  error_code ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(core_.limits.linger_wait);
  discard();
}

void Session::discard() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(4096),
                          [self = shared_from_this()](const error_code& failure, std::size_t size) {
                            self->discarded_ += size;
                            if (failure || self->discarded_ > kLingerMax) return self->close();
                            self->discard();
                          });
}

void Session::shut_down() {
  switch (state_) {
    case State::Handling:
      close_after_ = true;
      return write(plain_problem(503, "unavailable", "the server is stopping"));
    case State::Writing: return;
    case State::Lingering: return close();
    case State::Streaming:
      if (!stream_writing_) close();
      return;
    case State::Idle:
    case State::Reading: return close();
    case State::Closed: return;
  }
}

void Session::close() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  timer_.cancel();
  stream_.close();
  const auto self = shared_from_this();
  core_.close(number_);
}

// ---- Core -----------------------------------------------------------------------------------------------------------

void Core::accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor](const error_code& failure, tcp::socket socket) {
    if (stopping || failure == asio::error::operation_aborted) return;
    if (failure) {
      // Out of descriptors: trying again at once would spin.
      auto pause = std::make_shared<asio::steady_timer>(context, std::chrono::milliseconds(100));
      pause->async_wait([this, &acceptor, pause](const error_code&) {
        if (!stopping) accept(acceptor);
      });
      return;
    }
    const std::uint64_t number = next_connection++;
    const bool full = sessions.size() >= limits.connections_max;
    // Twice the limit: those that are being told; past it not even that.
    if (sessions.size() < 2 * limits.connections_max) {
      const auto session = std::make_shared<Session>(*this, number, std::move(socket));
      sessions.emplace(number, session);
      if (full) {
        session->refuse(plain_problem(503, "busy", "too many connections"));
      } else {
        session->start();
      }
    }
    accept(acceptor);
  });
}

void Core::stop_on_thread() {
  stopping = true;
  error_code ignored;
  for (auto& acceptor : acceptors) acceptor.close(ignored);
  if (sessions.empty()) return context.stop();
  stop_timer.emplace(context, limits.stop_wait);
  stop_timer->async_wait([this](const error_code&) { context.stop(); });
  const auto snapshot = sessions;
  for (const auto& [number, session] : snapshot) session->shut_down();
}

template <class F>
void Core::with_session(std::uint64_t connection, F&& f) {
  asio::post(context, [this, connection, f = std::forward<F>(f)]() mutable {
    const auto found = sessions.find(connection);
    if (found == sessions.end()) return;
    const auto session = found->second;
    f(*session);
  });
}

// ---- Responder and Server -------------------------------------------------------------------------------------------

void Responder::answer(Response response) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, response = std::move(response)](Session& session) {
      session.answer(request, response);
    });
  }
}

void Responder::answer_within(std::chrono::milliseconds wait, Response otherwise) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_,
                       [request = request_, wait, otherwise = std::move(otherwise)](Session& session) mutable {
                         session.answer_within(request, wait, std::move(otherwise));
                       });
  }
}

void Responder::then(std::function<void()> task) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, task = std::move(task)](Session& session) {
      if (session.waits(request)) task();
    });
  }
}

void Responder::stream(std::unique_ptr<StreamSource> source) const {
  if (const auto core = core_.lock()) {
    core->with_session(connection_, [request = request_, source = std::move(source)](Session& session) mutable {
      session.start_stream(request, std::move(source));
    });
  }
}

Server::Server(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Server::Server(Server&&) noexcept = default;

Server::~Server() {
  if (core_) stop();
}

Result<Server> Server::open(const std::vector<std::string>& addresses, const Limits& limits, Handler handler) {
  auto core = std::make_shared<Core>(limits, std::move(handler));
  const auto failure = [](const std::string& address, const std::string& why) {
    return tl::unexpected(Error{Fault::Environment, 0, "cannot serve the API on " + address + ": " + why});
  };
  for (const std::string& address : addresses) {
    const auto parsed = parse_listen_address(address);
    if (!parsed) return tl::unexpected(parsed.error());
    error_code bad;
    const tcp::endpoint endpoint(asio::ip::make_address(parsed->host, bad), parsed->port);
    auto& acceptor = core->acceptors.emplace_back(core->context);
    acceptor.open(endpoint.protocol(), bad);
    if (!bad) acceptor.set_option(tcp::acceptor::reuse_address(true), bad);
    if (!bad) acceptor.bind(endpoint, bad);
    if (!bad) acceptor.listen(kBacklog, bad);
    if (bad == asio::error::address_in_use) return failure(address, "the port is in use by another program");
    if (bad) return failure(address, bad.message());
  }
  return Server(std::move(core));
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> texts;
  for (const auto& acceptor : core_->acceptors) {
    error_code ignored;
    const auto endpoint = acceptor.local_endpoint(ignored);
    const std::string host = endpoint.address().to_string();
    texts.push_back((endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port()));
  }
  return texts;
}

void Server::start() {
  assert(!core_->thread.joinable());
  for (auto& acceptor : core_->acceptors) core_->accept(acceptor);
  core_->thread = std::thread([core = core_.get()] { core->context.run(); });
}

void Server::stop() {
  if (!core_->thread.joinable()) return;
  asio::post(core_->context, [core = core_.get()] { core->stop_on_thread(); });
  core_->thread.join();
  core_->sessions.clear();
}

void Server::wake_streams() {
  if (core_->streams.load() == 0 || core_->wake_pending.exchange(true)) return;
  asio::post(core_->context, [core = core_.get()] {
    core->wake_pending.store(false);
    const auto snapshot = core->sessions;
    for (const auto& [number, session] : snapshot) session->pump();
  });
}

std::size_t Server::streams() const {
  return core_->streams.load();
}

}  // namespace drover::api::http

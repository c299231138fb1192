// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <openssl/sslerr.h>

#include <limits>

#include "api/http_core.hpp"
#include "api/problem.hpp"

namespace drover::api::http {

namespace {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nServer: drover\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n: connected\n\n";
constexpr std::string_view kStreamComment = ": keep-alive\n\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kPieceSize = 64 << 10;
constexpr std::size_t kLingerMax =
    8 << 20;  ///< bytes thrown away behind a refused request before the connection is cut

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

/// Among the preferences of one Prefer field (RFC 7240 §2).
bool prefers_async(const std::string& field) {
  for (std::size_t at = 0; at <= field.size();) {
    const std::size_t comma = std::min(field.find(',', at), field.size());
    const std::string_view one = std::string_view(field).substr(at, comma - at);
    const std::size_t start = std::min(one.find_first_not_of(" \t"), one.size());
    if (lower_media_type(one.substr(start)) == "respond-async") return true;
    at = comma + 1;
  }
  return false;
}

std::string peer_text(const tcp::socket& socket) {
  error_code gone;
  const auto peer = socket.remote_endpoint(gone);
  if (gone) return {};
  const std::string host = peer.address().to_string();
  return (peer.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(peer.port());
}

/// Takes the authority out of a target in absolute form, which goes before Host (RFC 9112 §3.2.2).
void split_absolute(std::string& target, std::string& host) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    host = target.substr(scheme.size(), slash == std::string::npos ? slash : slash - scheme.size());
    target = slash == std::string::npos ? "/" : target.substr(slash);
    return;
  }
}

}  // namespace

Response plain_problem(unsigned status, std::string_view kind, std::string detail) {
  return to_response(Problem{.status = status, .kind = kind, .detail = std::move(detail)});
}

Session::Session(Core& core, std::uint64_t number, tcp::socket socket, SharedTls tls)
    : core_(core),
      number_(number),
      wire_(std::move(socket), std::move(tls)),
      peer_(peer_text(wire_.below().socket())),
      timer_(core.context),
      buffer_(core.limits.header_max) {}

Session::~Session() {
  if (source_) --core_.streams;
}

// ---- the connection's begin -----------------------------------------------------------------------------------------

void Session::start(std::optional<Response> refusal) {
  if (!wire_.is_secure()) return begin(std::move(refusal));
  wire_.below().expires_after(core_.limits.handshake_wait);
  wire_.async_handshake([self = shared_from_this(), refusal = std::move(refusal)](const error_code& failure) mutable {
    if (failure) return self->handshake_failed(failure);
    self->begin(std::move(refusal));
  });
}

void Session::begin(std::optional<Response> refusal) {
  if (refusal) return refuse(*refusal);
  read_header();
}

void Session::handshake_failed(const error_code& failure) {
  const bool http = failure.category() == asio::error::get_ssl_category() &&
                    ERR_GET_REASON(static_cast<unsigned long>(failure.value())) == SSL_R_HTTP_REQUEST;
  if (!http || core_.stopping) return close();
  wire_.speak_plainly();
  refuse(plain_problem(400, "bad-request", "this port speaks HTTPS: the URL must begin with https://"));
}

void Session::refuse(const Response& response) {
  if (begun_ == std::chrono::steady_clock::time_point{}) begun_ = std::chrono::steady_clock::now();
  ++request_;
  state_ = State::Handling;
  close_after_ = true;
  write(response);
}

// ---- reading a request ----------------------------------------------------------------------------------------------

void Session::read_header() {
  if (core_.stopping) return close();
  state_ = State::Idle;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(core_.limits.header_max));
  // on_header() knows who sends it. None would be less than any length to this library.
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  // Two waits: an idle connection may be kept long, a begun header may not.
  if (buffer_.size() > 0) {
    state_ = State::Reading;
    wire_.below().expires_after(core_.limits.header_wait);
    bhttp::async_read_header(
        wire_, buffer_, *parser_,
        [self = shared_from_this()](const error_code& failure, std::size_t) { self->on_header(failure); });
    return;
  }
  wire_.below().expires_after(core_.limits.idle_wait);
  wire_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](const error_code& failure, std::size_t size) {
    if (failure) return self->close();
    self->buffer_.commit(size);
    self->read_header();
  });
}

void Session::reading_failed(const error_code& failure) {
  const auto response = reading_problem(failure);
  if (!response) return close();
  refuse(*response);
}

void Session::on_header(const error_code& failure) {
  answered_ = {};
  begun_ = std::chrono::steady_clock::now();
  if (failure) return reading_failed(failure);
  const auto& request = parser_->get();
  close_after_ = !request.keep_alive();
  head_only_ = request.method() == bhttp::verb::head;
  auto refused = take_head();
  if (refused) {
    close_after_ = true;
  } else if (core_.service.gate) {
    refused = core_.service.gate(pending_);
    // What a body has brought so far would be the next request.
    close_after_ = close_after_ || (refused && !parser_->is_done());
    if (core_.service.witness) witness_ = core_.service.witness(pending_);
  }
  for (std::string& secret : pending_.authorization) OPENSSL_cleanse(secret.data(), secret.size());
  pending_.authorization.clear();
  answered_.method = pending_.route_method;
  answered_.route = pending_.route;
  if (refused) {
    ++request_;
    state_ = State::Handling;
    return write(*refused);
  }
  if (!pending_.sink) {
    if (pending_.content_length.value_or(0) > core_.limits.body_max) return reading_failed(bhttp::error::body_limit);
    parser_->body_limit(core_.limits.body_max);
  }
  const auto expect = request.find(bhttp::field::expect);
  if (expect != request.end() && !parser_->is_done() && beast::iequals(expect->value(), "100-continue")) {
    wire_.below().expires_after(core_.limits.write_wait);
    asio::async_write(wire_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = shared_from_this()](const error_code& broken, std::size_t) {
                        if (broken) return self->close();
                        self->read_body();
                      });
    return;
  }
  read_body();
}

std::optional<Response> Session::take_head() {
  const auto& request = parser_->get();
  pending_ = {};
  pending_.method = head_only_ ? "GET" : to_std(request.method_string());
  pending_.target = to_std(request.target());
  pending_.host = to_std(request[bhttp::field::host]);
  pending_.content_type = lower_media_type(to_std(request[bhttp::field::content_type]));
  pending_.last_event_id = to_std(request["Last-Event-ID"]);
  pending_.range = to_std(request[bhttp::field::range]);
  pending_.if_range = to_std(request[bhttp::field::if_range]);
  pending_.if_none_match = to_std(request[bhttp::field::if_none_match]);
  pending_.accept_encoding = to_std(request[bhttp::field::accept_encoding]);
  if (const auto length = parser_->content_length()) pending_.content_length = *length;
  const auto [first_preference, last_preference] = request.equal_range("Prefer");
  for (auto field = first_preference; field != last_preference; ++field) {
    pending_.respond_async |= prefers_async(to_std(field->value()));
  }
  const auto origin = request.find(bhttp::field::origin);
  if (origin != request.end()) pending_.origin = to_std(origin->value());
  const auto [first, last] = request.equal_range(bhttp::field::authorization);
  for (auto field = first; field != last; ++field) pending_.authorization.push_back(to_std(field->value()));
  pending_.peer = peer_;
  pending_.secure = wire_.is_secure();
  const auto host_fields = request.count(bhttp::field::host);
  if (host_fields > 1 || (host_fields == 0 && request.version() >= 11)) {
    return plain_problem(400, "bad-request", "a request needs exactly one Host field");
  }
  split_absolute(pending_.target, pending_.host);
  if (pending_.target.starts_with('/')) return std::nullopt;
  return plain_problem(400, "bad-request", "the request target must start with a slash");
}

void Session::read_body() {
  if (pending_.sink) {
    piece_parser_.emplace(std::move(*parser_));
    piece_.resize(kPieceSize);
    return read_piece();
  }
  if (parser_->is_done()) return dispatch();
  // The buffer is as large as a header may be; string_body takes the body out of it piece by piece.
  wire_.below().expires_after(core_.limits.body_wait);
  bhttp::async_read(wire_, buffer_, *parser_,
                    [self = shared_from_this()](const error_code& failure, std::size_t) { self->on_body(failure); });
}

void Session::on_body(const error_code& failure) {
  if (failure) return reading_failed(failure);
  dispatch();
}

void Session::read_piece() {
  if (piece_parser_->is_done()) {
    piece_parser_.reset();
    piece_ = {};
    return dispatch();
  }
  auto& body = piece_parser_->get().body();
  body.data = piece_.data();
  body.size = piece_.size();
  wire_.below().expires_after(core_.limits.body_wait);
  bhttp::async_read(wire_, buffer_, *piece_parser_,
                    [self = shared_from_this()](const error_code& failure, std::size_t) { self->on_piece(failure); });
}

void Session::on_piece(const error_code& failure) {
  if (failure && failure != bhttp::error::need_buffer) {
    pending_.sink.reset();
    return reading_failed(failure);
  }
  const std::size_t size = piece_.size() - piece_parser_->get().body().size;
  if (const auto refused = pending_.sink->take(std::string_view(piece_).substr(0, size))) {
    pending_.sink.reset();
    return refuse(*refused);
  }
  read_piece();
}

void Session::dispatch() {
  ++request_;
  state_ = State::Handling;
  if (!pending_.sink) pending_.body = std::move(parser_->get().body());
  Responder responder(core_.weak_from_this(), number_, request_);
  answer_within(request_, core_.limits.answer_wait,
                [] { return plain_problem(500, "internal", "the request was not answered"); });
  core_.service.handler(std::move(pending_), std::move(responder));
}

// ---- answering it ---------------------------------------------------------------------------------------------------

void Session::answer_within(std::uint64_t request, std::chrono::milliseconds wait,
                            std::function<Response()> otherwise) {
  if (!waits(request)) return;
  timer_.expires_after(wait);
  timer_.async_wait(
      [self = shared_from_this(), request, otherwise = std::move(otherwise)](const error_code& cancelled) {
        if (!cancelled && self->waits(request)) self->write(otherwise());
      });
}

struct Session::Held {
  std::shared_ptr<const void> holder;
  bhttp::response<bhttp::span_body<const char>> message;
  std::optional<bhttp::response_serializer<bhttp::span_body<const char>>> serializer{};
};

void Session::count(unsigned status) {
  if (!core_.service.answered) return;
  answered_.status = status;
  answered_.took = std::chrono::steady_clock::now() - begun_;
  core_.service.answered(answered_);
}

void Session::write(const Response& response) {
  if (witness_) return record(response);
  write_now(response);
}

void Session::record(const Response& response) {
  state_ = State::Recording;
  const auto witness = std::exchange(witness_, nullptr);
  const auto kept = std::make_shared<const Response>(response);
  const auto self = shared_from_this();
  timer_.expires_after(core_.limits.record_wait);
  timer_.async_wait([self, request = request_](const error_code& cancelled) {
    if (cancelled) return;
    self->recorded(request, plain_problem(503, "unrecorded",
                                          "the server can't write down who asks for this; it may have been done"));
  });
  witness->write_down(response, [core = core_.weak_from_this(), number = number_, request = request_, kept] {
    if (const auto alive = core.lock()) {
      alive->with_session(number, [request, kept](Session& session) { session.recorded(request, *kept); });
    }
  });
}

void Session::write_now(const Response& response) {
  count(response.status);
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
    message.content_length(response.holder ? response.held.size() : response.body.size());
  };
  if (head_only_) {
    auto message = std::make_shared<bhttp::response<bhttp::empty_body>>();
    fill(*message);
    return send(std::move(message));
  }
  if (response.holder) {
    const auto held = std::make_shared<Held>();
    held->holder = response.holder;
    held->message.body() = {response.held.data(), response.held.size()};
    fill(held->message);
    held->serializer.emplace(held->message);
    return send_held(held);
  }
  auto message = std::make_shared<bhttp::response<bhttp::string_body>>();
  message->body() = response.body;
  fill(*message);
  send(std::move(message));
}

template <class Body>
void Session::send(std::shared_ptr<bhttp::response<Body>> message) {
  wire_.below().expires_after(core_.limits.write_wait);
  auto& reference = *message;
  bhttp::async_write(wire_, reference,
                     [self = shared_from_this(), message = std::move(message)](const error_code& failure, std::size_t) {
                       self->on_written(failure);
                     });
}

void Session::send_held(const std::shared_ptr<Held>& held) {
  wire_.below().expires_after(core_.limits.write_wait);
  bhttp::async_write_some(wire_, *held->serializer,
                          [self = shared_from_this(), held](const error_code& failure, std::size_t) {
                            if (failure || held->serializer->is_done()) return self->on_written(failure);
                            self->send_held(held);
                          });
}

void Session::on_written(const error_code& failure) {
  if (failure) return close();
  if (core_.stopping) return close();
  if (close_after_) return linger();
  head_only_ = false;
  read_header();
}

// ---- event streams --------------------------------------------------------------------------------------------------

void Session::start_stream(std::uint64_t request, std::unique_ptr<StreamSource> source) {
  if (!waits(request)) return;
  count(200);
  state_ = State::Streaming;
  timer_.cancel();
  source_ = std::move(source);
  ++core_.streams;
  out_ = kStreamHead;
  wire_.below().expires_never();
  watch_stream_end();
  write_stream();
}

/// A client has nothing to say on a stream; reading shows when it leaves.
void Session::watch_stream_end() {
  buffer_.clear();
  wire_.async_read_some(buffer_.prepare(1024), [self = shared_from_this()](const error_code& failure, std::size_t) {
    if (failure) return self->close();
    if (self->state_ == State::Streaming) self->watch_stream_end();
  });
}

void Session::write_stream() {
  stream_writing_ = true;
  timer_.cancel();
  wire_.below().expires_after(core_.limits.write_wait);
  asio::async_write(wire_, asio::buffer(out_), [self = shared_from_this()](const error_code& failure, std::size_t) {
    self->stream_writing_ = false;
    if (failure) return self->close();
    self->pump();
  });
}

void Session::pump() {
  if (state_ != State::Streaming || stream_writing_) return;
  if (core_.stopping) return end_stream();
  auto text = source_->pull();
  if (!text) return end_stream();
  if (text->empty()) return keep_alive();
  out_ = std::move(*text);
  write_stream();
}

void Session::keep_alive() {
  timer_.expires_after(core_.limits.keep_alive_wait);
  timer_.async_wait([self = shared_from_this()](const error_code& cancelled) {
    if (cancelled || self->state_ != State::Streaming || self->stream_writing_) return;
    // Not only to be heard: the source may say that the stream ends.
    auto text = self->source_->pull();
    if (!text) return self->end_stream();
    self->out_ = text->empty() ? std::string(kStreamComment) : std::move(*text);
    self->write_stream();
  });
}

/// The reading of watch_stream_end() is still there, and sees the peer's end.
void Session::end_stream() {
  if (!wire_.is_secure()) return close();
  state_ = State::Lingering;
  const auto self = shared_from_this();
  timer_.expires_after(core_.limits.linger_wait);
  timer_.async_wait([self](const error_code& cancelled) {
    if (!cancelled) self->close();
  });
  wire_.async_shutdown([self](const error_code&) { self->close(); });
}

// ---- the connection's end -------------------------------------------------------------------------------------------

/// Says that nothing follows, and reads what the client still sends: closing with unread bytes would reset the
/// connection and the client might never see the answer.
void Session::linger() {
  state_ = State::Lingering;
  wire_.below().expires_after(core_.limits.linger_wait);
  if (!wire_.is_secure()) return half_close();
  // Fails when the client goes on sending; ours has gone out by then.
  wire_.async_shutdown([self = shared_from_this()](const error_code&) { self->half_close(); });
}

void Session::half_close() {
  if (state_ != State::Lingering) return;
  error_code ignored;
  wire_.below().socket().shutdown(tcp::socket::shutdown_send, ignored);
  wire_.below().expires_after(core_.limits.linger_wait);
  discard();
}

void Session::discard() {
  buffer_.clear();
  wire_.below().async_read_some(buffer_.prepare(4096),
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
    case State::Recording:
    case State::Writing: return;
    case State::Lingering: return close();
    case State::Streaming:
      if (!stream_writing_) end_stream();
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
  wire_.below().close();
  const auto self = shared_from_this();
  core_.close(number_);
}

}  // namespace drover::api::http

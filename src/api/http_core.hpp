// SPDX-License-Identifier: Apache-2.0
// What the HTTP server's own files share: the connections and what keeps them. For http_*.cpp alone, since the
// networking library's headers are slow to compile.
#pragma once

#include <utility>  // before Asio 1.74, which forgets it
// The order matters: the library's headers below need the one above.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/flat_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "api/http.hpp"

namespace drover::api::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

using SharedTls = std::shared_ptr<asio::ssl::context>;

Response plain_problem(unsigned status, std::string_view kind, std::string detail);

/// A TCP connection, plain or inside TLS: an AsyncStream for the library's algorithms.
class Wire {
 public:
  using executor_type = beast::tcp_stream::executor_type;

  /// `tls` may be null, and is kept as long as the connection.
  Wire(tcp::socket socket, SharedTls tls) : tcp_(std::move(socket)), context_(std::move(tls)) {
    if (context_) inner_.emplace(tcp_, *context_);
  }

  executor_type get_executor() noexcept { return tcp_.get_executor(); }
  /// The connection below: its deadlines, its end.
  [[nodiscard]] beast::tcp_stream& below() { return tcp_; }
  [[nodiscard]] bool is_secure() const { return inner_.has_value() && !plain_; }
  /// For who speaks something else than TLS: what follows goes out as it is.
  void speak_plainly() { plain_ = true; }

  template <class Handler>
  void async_handshake(Handler&& handler) {
    inner_->next_layer().async_handshake(asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  /// Says that nothing follows, and waits until the peer says so, too.
  template <class Handler>
  void async_shutdown(Handler&& handler) {
    inner_->next_layer().async_shutdown(std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (is_secure()) {
      inner_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_.async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (is_secure()) {
      inner_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_.async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

 private:
  beast::tcp_stream tcp_;
  SharedTls context_;
  // Flat, so that a head and a body go out as one record.
  std::optional<beast::flat_stream<asio::ssl::stream<beast::tcp_stream&>>> inner_;
  bool plain_ = false;
};

class Session;

/// An address that is listened on.
struct Door {
  tcp::acceptor acceptor;
  bool secure = false;
};

/// What the server's thread owns. Sessions live in `sessions` until they close; a Responder names them by number, so
/// that one that comes late finds nothing.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(const Limits& core_limits, Service core_service);

  void accept(Door& door);
  void admit(tcp::socket socket, bool secure);
  void close(std::uint64_t connection);
  void stop_on_thread();
  template <class F>
  void with_session(std::uint64_t connection, F&& f) {
    asio::post(context, [this, connection, f = std::forward<F>(f)]() mutable {
      const auto found = sessions.find(connection);
      if (found == sessions.end()) return;
      const auto session = found->second;
      f(*session);
    });
  }

  const Limits limits;
  const Service service;
  SharedTls tls;
  asio::io_context context{1};
  std::list<Door> doors;
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
  /// `tls` is null for plain HTTP.
  Session(Core& core, std::uint64_t number, tcp::socket socket, SharedTls tls);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// With `refusal`, that is said instead of serving.
  void start(std::optional<Response> refusal);
  void answer(std::uint64_t request, const Response& response) {
    if (waits(request)) write(response);
  }
  [[nodiscard]] bool waits(std::uint64_t request) const { return state_ == State::Handling && request == request_; }
  [[nodiscard]] bool is_waiting() const { return state_ == State::Handling || state_ == State::Recording; }
  void recorded(std::uint64_t request, const Response& response) {
    if (state_ == State::Recording && request == request_) write_now(response);
  }
  void answer_within(std::uint64_t request, std::chrono::milliseconds wait, std::function<Response()> otherwise);
  void start_stream(std::uint64_t request, std::unique_ptr<StreamSource> source);
  void pump();
  void shut_down();

 private:
  enum class State : std::uint8_t { Idle, Reading, Handling, Recording, Writing, Streaming, Lingering, Closed };

  void begin(std::optional<Response> refusal);
  void handshake_failed(const error_code& failure);
  void refuse(const Response& response);
  void read_header();
  void on_header(const error_code& failure);
  void read_body();
  void on_body(const error_code& failure);
  /// The next piece for the sink.
  void read_piece();
  void on_piece(const error_code& failure);
  void reading_failed(const error_code& failure);
  /// Fills `pending_` from the head; an answer when it is no good.
  std::optional<Response> take_head();
  void dispatch();
  void write(const Response& response);
  /// Once the witness has written it down.
  void record(const Response& response);
  void write_now(const Response& response);
  void count(unsigned status);
  template <class Body>
  void send(std::shared_ptr<bhttp::response<Body>> message);
  struct Held;
  /// A held body, as fast as the peer takes it.
  void send_held(const std::shared_ptr<Held>& held);
  void on_written(const error_code& failure);

  void write_stream();
  void watch_stream_end();
  void keep_alive();
  void end_stream();

  void linger();
  void half_close();
  void discard();
  void close();

  Core& core_;
  const std::uint64_t number_;
  Wire wire_;
  std::string peer_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<bhttp::request_parser<bhttp::string_body>> parser_;
  std::optional<bhttp::request_parser<bhttp::buffer_body>> piece_parser_;  ///< while a sink takes the body
  std::string piece_;
  Request pending_;
  std::unique_ptr<Witness> witness_;  ///< of the request, until it is answered
  State state_ = State::Idle;
  std::uint64_t request_ = 0;  ///< counts the requests of this connection
  bool close_after_ = false;
  bool head_only_ = false;
  AnsweredRequest answered_{};
  std::chrono::steady_clock::time_point begun_{};  ///< the head of the request had come
  bool stream_writing_ = false;
  std::size_t discarded_ = 0;
  std::unique_ptr<StreamSource> source_;
  std::string out_;
};

}  // namespace drover::api::http

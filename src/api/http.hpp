// SPDX-License-Identifier: Apache-2.0
// A small HTTP/1.1 server, with or without TLS, behind a plain interface: no type of the networking library shows here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/caller.hpp"
#include "api/metrics.hpp"
#include "api/tls_context.hpp"
#include "base/result.hpp"

namespace drover::api::http {

/// What a client may make the server hold and wait for.
struct Limits {
  std::size_t header_max = 16 << 10;  ///< bytes of request line and fields: 431 past it
  /// 413 past it: the largest payload of an operation (1 MiB) is 1.4 MiB in Base64, inside some JSON.
  std::size_t body_max = 2 << 20;
  std::size_t connections_max = 256;  ///< at once: 503 past it; with body_max at most 512 MiB
  std::chrono::milliseconds handshake_wait = std::chrono::seconds(10);  ///< of TLS, from the connection's begin
  std::chrono::milliseconds header_wait = std::chrono::seconds(10);  ///< from a request's first byte to its last header
  std::chrono::milliseconds body_wait = std::chrono::seconds(30);  ///< with a BodySink: for each 64 KiB
  std::chrono::milliseconds idle_wait = std::chrono::seconds(60);        ///< a kept-alive connection without a request
  std::chrono::milliseconds write_wait = std::chrono::seconds(30);       ///< a client that doesn't read is cut off
  std::chrono::milliseconds answer_wait = std::chrono::seconds(330);     ///< a handler that doesn't answer: 500
  std::chrono::milliseconds record_wait = std::chrono::seconds(10);      ///< for a Witness
  /// Between two comments of an idle stream, and between two looks whether it may go on.
  std::chrono::milliseconds keep_alive_wait = std::chrono::seconds(15);
  std::chrono::milliseconds linger_wait = std::chrono::seconds(2);       ///< so that a refused client can read why
  std::chrono::milliseconds stop_wait = std::chrono::seconds(2);         ///< what is being answered may still go out
};

struct Response;

/// Takes a request's body as it comes, instead of Request::body. Called on the server's thread.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// An answer refuses what follows.
  virtual std::optional<Response> take(std::string_view piece) = 0;
};

struct Request {
  std::string method;         ///< "GET"
  std::string target;         ///< path and query as sent, undecoded
  std::string host;           ///< the Host field, or what an absolute target names instead; "" in HTTP/1.0 without it
  std::optional<std::string> origin;
  std::string content_type;   ///< without parameters, lower case
  std::string last_event_id;  ///< the Last-Event-ID field
  bool respond_async = false;  ///< the preference of RFC 7240 §4.1
  std::vector<std::string> authorization;  ///< each such field: secrets, for the gate alone
  std::string peer;                        ///< "192.0.2.1:40000"
  bool secure = false;                     ///< came over TLS
  Caller caller;                           ///< by the gate
  std::string range;                       ///< the Range field, as sent; "" without one
  std::string if_range;
  std::string if_none_match;
  std::string accept_encoding;
  std::optional<std::uint64_t> content_length;  ///< where the head says it
  std::string body;                             ///< not there yet when the gate is asked
  /// From the gate, for a body that is too large for `body`: that has no limit then but what it takes.
  std::shared_ptr<BodySink> sink = nullptr;
  /// By the gate: what is counted of the request. Of the routing table, or "" for what has no route.
  std::string_view route{};
  std::string_view route_method{};
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// The body instead of `body`, where it is large and lies somewhere already; `holder` keeps it there.
  std::string_view held = {};
  std::shared_ptr<const void> holder = nullptr;
};

/// Where an event stream's text comes from. Called on the server's thread alone, when the client has taken all before:
/// there is no queue a client, so a slow reader costs nothing but its own losses.
class StreamSource {
 public:
  virtual ~StreamSource() = default;
  /// The next piece of text/event-stream, some ten kB at most; "" when there is nothing now, nullopt when the stream
  /// ends. Asked at least each Limits::keep_alive_wait of a client that reads.
  virtual std::optional<std::string> pull() = 0;
};

class Core;

/// Answers one request, from any thread; the first answer counts. May outlive the server.
class Responder {
 public:
  Responder(std::weak_ptr<Core> core, std::uint64_t connection, std::uint64_t request)
      : core_(std::move(core)), connection_(connection), request_(request) {}

  void answer(Response response) const;
  /// Gives `otherwise` when nobody has answered after `wait`.
  void answer_within(std::chrono::milliseconds wait, Response otherwise) const;
  /// The same with an answer that is made then, on the server's thread. `otherwise` lives as long as the request waits,
  /// or until another wait takes its place.
  void answer_within(std::chrono::milliseconds wait, std::function<Response()> otherwise) const;
  /// Runs `task` on the server's thread if the request still waits for its answer: for work that is too slow for the
  /// thread that has its data, such as a fleet's shard.
  void then(std::function<void()> task) const;
  /// Turns the connection into an event stream (text/event-stream) that ends with the connection.
  void stream(std::unique_ptr<StreamSource> source) const;

 private:
  std::weak_ptr<Core> core_;
  std::uint64_t connection_;
  std::uint64_t request_;
};

/// Writes down what became of one request. Called on the server's thread, once.
class Witness {
 public:
  virtual ~Witness() = default;
  /// The answer leaves when `done` is called, on any thread.
  virtual void write_down(const Response& answer, std::function<void()> done) = 0;
};

/// What a server is made for. All of it is called on the server's thread and must not block.
struct Service {
  /// Decides from a request's head, before its body is read, so that who isn't let in can't make the server hold one:
  /// an answer refuses it. It may write into the request what the handler is to know, and the authorization fields
  /// don't reach the handler. Empty lets everybody in.
  std::function<std::optional<Response>(Request&)> gate;
  std::function<void(Request, Responder)> handler;
  /// Asked behind the gate, where there is one, whatever that said; nullptr: nothing is to be written down. An answer that isn't written
  /// down within Limits::record_wait becomes a 503.
  std::function<std::unique_ptr<Witness>(const Request&)> witness{};
  /// Told of each answer, also of those that never got to the handler.
  std::function<void(const AnsweredRequest&)> answered{};
  std::shared_ptr<const TlsContext> tls;  ///< for addresses of https; may be missing when there is none
};

/// How the server is doing at the moment.
struct ServerFigures {
  std::uint64_t accepted = 0;  ///< connections since the start
  std::size_t open = 0;        ///< connections
  std::size_t streams = 0;     ///< of these: event streams
  std::size_t waiting = 0;     ///< of these: with a request that isn't answered yet
};

/// Serves on a thread of its own. A request is refused before gate and handler see it when it is malformed (400) or
/// its head is over a limit (431); behind the gate when its body is (413).
class Server {
 public:
  /// Binds and listens; nothing is accepted before start(). See parse_listen_address() for the addresses. Fault::Us for
  /// one that is wrong, Fault::Environment for a port that isn't free.
  static Result<Server> open(const std::vector<std::string>& addresses, const Limits& limits, Service service);
  ~Server();
  Server(Server&&) noexcept;
  Server& operator=(Server&&) = delete;

  /// "127.0.0.1:8080", with the port that was chosen.
  [[nodiscard]] std::vector<std::string> addresses() const;
  /// "https://127.0.0.1:8443", in the same order.
  [[nodiscard]] std::vector<std::string> urls() const;
  void start();
  /// Answers what is pending with 503, ends streams, joins the thread. Called by the destructor.
  void stop();
  /// Thread-safe and cheap when called often: open streams pull again.
  void wake_streams();
  /// Thread-safe: new connections get this certificate, those that are open go on with theirs.
  void use_certificate(std::shared_ptr<const TlsContext> tls);
  /// Thread-safe: open event streams.
  [[nodiscard]] std::size_t streams() const;
  /// On the server's thread, as handlers are.
  [[nodiscard]] ServerFigures figures() const;

 private:
  explicit Server(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace drover::api::http

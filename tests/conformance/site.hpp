// SPDX-License-Identifier: Apache-2.0
// A real client and real servers in virtual time, over a link in memory that keeps what went over it. Tests look at
// both ends: at the wire, and at what the application hears.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.hpp"
#include "lwm2m/content/content.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/shard.hpp"

namespace drover::conformance {

using lwm2m::Path;
using lwm2m::Status;
using lwm2m::Value;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace format = lwm2m::format;

/// All shipped definitions of version 1.0, Access Control 1.1, and the Portfolio object of tests/data.
const lwm2m::model::Registry& definitions();

/// Bytes from hex digits; blanks are free.
Bytes hex(std::string_view digits);
Path at(std::string_view path);

/// A CoAP message that went over the link.
struct Message {
  Instant when;
  client::ServerId server = 0;  ///< the server that sent or got it
  bool from_client = false;
  Bytes bytes;
  std::string token;  ///< hex
  /// Type, code, options and payload: "CON PUT /3/0/15 ct=0 'Europe/Rome'". The words are those of wire::read();
  /// without message id and token, and with the whole payload: as text when all of it is printable ASCII, else in hex
  /// behind a '#'.
  std::string line;
  Bytes payload;

  /// "CON", "NON", "ACK" or "RST".
  [[nodiscard]] std::string type() const { return line.substr(0, 3); }
  /// "GET", "2.05", ...
  [[nodiscard]] std::string code() const;
  /// "?lt=300" or "obs=7" in `line`; "" when there is no such option.
  [[nodiscard]] std::string option(std::string_view name) const;
};

/// One operation of a server, as both ends saw it.
struct Exchange {
  std::string request;              ///< Message::line of the first message of it
  std::string response;             ///< of the last answer
  Bytes payload;                    ///< of the answer
  std::size_t messages = 0;         ///< both ways; more than 2 when a body goes in blocks
  server::OperationResult outcome;  ///< what the server's application heard
  Path path;

  [[nodiscard]] bool is(Status status) const;
  [[nodiscard]] const lwm2m::Outcome& answer() const;
  /// The answer decoded by its format and the object's definition. A failed expectation and no values otherwise.
  [[nodiscard]] lwm2m::Tree values() const;
  /// The one value at a resource of the answer.
  [[nodiscard]] std::optional<Value> value(std::string_view resource) const;
  [[nodiscard]] std::optional<Value> value() const { return value(path.to_string()); }
  /// Ids of the answer's object instances.
  [[nodiscard]] std::vector<lwm2m::InstanceId> instances() const;
  /// The resources of its first instance, ascending.
  [[nodiscard]] std::vector<lwm2m::ResourceNode> resources() const;
};

class Site;

/// A LwM2M Server with its application.
class Server {
 public:
  Server(Site& site, client::ServerId id, server::Policy policy);

  [[nodiscard]] transport::PeerAddress address() const;
  [[nodiscard]] std::string uri() const;

  // ---- operations on the client, each until its end
  Exchange perform(const lwm2m::Downlink& operation);
  Exchange read(std::string_view path, std::optional<lwm2m::FormatNumber> accept = {});
  /// Without an Accept option.
  Exchange read_bare(std::string_view path);
  Exchange discover(std::string_view path);
  Exchange write(std::string_view path, lwm2m::FormatNumber format, Bytes payload);
  Exchange write(std::string_view path, std::string_view text) { return write(path, format::kText, to_bytes(text)); }
  Exchange update(std::string_view path, lwm2m::FormatNumber format, Bytes payload);
  Exchange attributes(std::string_view path, std::vector<std::string> attributes);
  Exchange execute(std::string_view path, std::string arguments = {});
  Exchange create(std::string_view object, lwm2m::FormatNumber format, Bytes payload);
  Exchange erase(std::string_view instance);
  Exchange observe(std::string_view path, std::optional<lwm2m::FormatNumber> accept = {});
  Exchange cancel(std::string_view path, server::CancelMode mode = server::CancelMode::Get);

  /// Another client at 192.0.2.`host` says a line of wire::write(); what it hears next is a line as in Message, "" when
  /// that is nothing.
  std::string ask(const std::string& line, std::uint32_t host = 200);

  /// The next event of that kind; those before it are passed over.
  std::optional<server::Event> event(server::EventKind kind);
  /// The payload of the next notification of a path, as text; "none" when there is none.
  std::string notified(std::string_view path);
  void forget_events() { events_.clear(); }
  /// A registered device; a failed expectation and an empty view when there is none of that name.
  [[nodiscard]] server::DeviceView device(std::string_view endpoint) const;
  [[nodiscard]] bool has(std::string_view endpoint) const { return shard_.has(endpoint); }
  /// Of the site's client; none when it isn't registered.
  [[nodiscard]] std::vector<server::ObservationView> observations() const;
  server::Shard& shard() { return shard_; }

 private:
  friend class Site;
  SplitMix rng_;
  Site& site_;
  client::ServerId id_;
  server::Shard shard_;
  std::deque<server::Event> events_;
  std::map<std::uint64_t, server::OperationResult> done_;
  std::uint64_t last_ticket_ = 0;
};

/// What a site starts from.
struct Configuration {
  client::ClientSettings settings;
  std::vector<client::ServerId> servers = {1};
  server::Policy policy;
  /// What the factory puts into the device: its objects, instances and values.
  std::function<void(Site&)> factory;
};

/// Everything of a test. Datagrams take no time; timers run in virtual time.
class Site {
 public:
  explicit Site(Configuration configuration);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  client::Client& client() { return *client_; }
  Server& server(client::ServerId id = 1) { return *servers_.at(id); }
  [[nodiscard]] Instant now() const { return now_; }
  static transport::PeerAddress client_address() { return transport::PeerAddress::v4(0xC0000264, 5683); }

  // ---- the device's own side
  /// With the shipped definition, whatever is supported of it: everything when nothing is said.
  void define(lwm2m::ObjectId object, std::vector<lwm2m::ResourceId> supported = {},
              client::ObjectBehaviour* behaviour = nullptr, lwm2m::Version version = {1, 0});
  void account(client::ServerId id, std::uint32_t lifetime);
  void add(lwm2m::ObjectId object, lwm2m::InstanceId instance);
  void set(std::string_view path, Value value);
  [[nodiscard]] std::optional<Value> get(std::string_view path) const;
  /// Switches the device on.
  void start();
  void stop();
  /// A device without anything but what the factory gave it, switched on.
  void restart();

  void pass(Duration time);
  /// Datagrams to and from that server get lost until it is set again.
  void cut(client::ServerId server, bool cut) { cut_[server] = cut; }
  /// The program around the client, called behind everything that happened to it. True when it did something.
  std::function<bool(Site&)> host;

  /// Everything that went over the link since the start or the last forget_messages().
  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  void forget_messages() { messages_.clear(); }
  /// Message::line of the newest message; "nothing" without one.
  [[nodiscard]] std::string last_line() const { return messages_.empty() ? "nothing" : messages_.back().line; }
  /// Lines of what the client sent to a server and isn't an answer in an acknowledgement: requests and notifications.
  [[nodiscard]] std::vector<std::string> sent_by_client(client::ServerId server = 1) const;
  /// The first of these; "nothing" without one.
  [[nodiscard]] std::string first_sent_by_client(client::ServerId server = 1) const;
  /// The first message of that method or code from the client.
  [[nodiscard]] const Message* from_client(std::string_view code, client::ServerId server = 1) const;
  /// Notifications to a server: code 2.05 with an Observe option, not in an acknowledgement.
  [[nodiscard]] std::vector<Message> notifications(client::ServerId server = 1) const;

  std::optional<client::ClientEvent> next_client_event() {
    if (client_events_.empty()) return std::nullopt;
    client::ClientEvent event = std::move(client_events_.front());
    client_events_.pop_front();
    return event;
  }
  template <class E>
  std::optional<E> client_event() {
    while (!client_events_.empty()) {
      client::ClientEvent event = std::move(client_events_.front());
      client_events_.pop_front();
      if (auto* wanted = std::get_if<E>(&event)) return std::move(*wanted);
    }
    return std::nullopt;
  }
  client::Context own() const { return {now_, std::nullopt}; }
  /// An account as the client shows it, in the order of Short Server IDs; a failed expectation when there is none.
  [[nodiscard]] client::AccountView account_view(std::size_t index = 0) const;
  /// "/rd/..." of the first account.
  [[nodiscard]] std::string location() const { return "/rd/" + account_view().location; }
  /// Carries everything that is under way.
  void deliver();

 private:
  friend class Server;
  void collect();
  void drain();
  void keep(client::ServerId server, bool from_client, const Bytes& bytes);

  struct Flight {
    client::ServerId server;
    bool to_client;
    Bytes bytes;
  };

  Configuration configuration_;
  SplitMix rng_{7};
  Instant now_{seconds(1000)};
  std::map<client::ServerId, std::unique_ptr<Server>> servers_;
  std::unique_ptr<client::Client> client_;
  std::deque<Flight> flights_;
  std::vector<Message> messages_;
  std::deque<client::ClientEvent> client_events_;
  std::map<client::ServerId, bool> cut_;
  std::deque<std::string> heard_by_others_;
};

}  // namespace drover::conformance

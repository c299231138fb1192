// SPDX-License-Identifier: Apache-2.0
// Our DTLS engine behind a real UDP socket, for programs that others wrote: a server that returns what it hears, as CoAP or as it is, or a client that
// says one thing. One line of output an event. Ends when its standard input does.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "coap/message/message.hpp"
#include "io/clock.hpp"
#include "io/driver.hpp"
#include "io/event_loop.hpp"
#include "io/udp_socket.hpp"
#include "security/dtls/provider.hpp"
#include "security/listener.hpp"
#include "stack/endpoint.hpp"

#include <unistd.h>

namespace drover {
namespace {

using security::dtls::DtlsProvider;
using transport::PeerAddress;

struct Options {
  std::string address = "127.0.0.1:0", host = "server.example", say = "ping", key_log;
  std::vector<std::string> psk;  ///< identity=key in hexadecimal
  std::string raw_public, raw_private;
  std::vector<std::string> known, chain, anchors;
  std::string key;
  unsigned patience = 120;  ///< seconds that a handshake may take
  bool coap = false, cbc = false, gcm = false, park = false, session_tickets = false;
};

[[noreturn]] void die(const std::string& reason) {
  std::fprintf(stderr, "dtls_peer: %s\n", reason.c_str());
  std::exit(2);
}

void tell(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// Without its end.
std::string line(ByteView bytes) {
  return std::string(as_text(bytes.back() == '\n' ? bytes.first(bytes.size() - 1) : bytes));
}

Bytes read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) die("no file " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Bytes> read_files(const std::vector<std::string>& names) {
  std::vector<Bytes> all;
  for (const std::string& name : names) all.push_back(read_file(name));
  return all;
}

security::PskCredential psk_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) die("--psk wants identity=key");
  auto key = from_hex(std::string_view(text).substr(equals + 1));
  if (!key) die("--psk wants the key in hex digits");
  return {text.substr(0, equals), Secret<Bytes>(std::move(*key))};
}

/// What the command line lists; any certificate of its trust anchors is good.
class Known final : public security::CredentialSource {
 public:
  explicit Known(const Options& options) : public_keys_(read_files(options.known)) {
    for (const std::string& each : options.psk) {
      auto psk = psk_of(each);
      psks_.emplace(psk.identity, psk.key);
    }
  }
  [[nodiscard]] std::optional<security::KnownPsk> find_psk(std::string_view identity) const override {
    const auto found = psks_.find(identity);
    if (found == psks_.end()) return std::nullopt;
    return security::KnownPsk{security::CredentialId{1}, found->second};
  }
  [[nodiscard]] std::optional<security::CredentialId> find_public_key(ByteView key) const override {
    for (const Bytes& known : public_keys_) {
      if (std::equal(known.begin(), known.end(), key.begin(), key.end())) return security::CredentialId{2};
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<security::CredentialId> find_certificate(const security::Identity&) const override {
    return security::CredentialId{};
  }
  [[nodiscard]] bool holds(security::CredentialId, const security::Identity&) const override { return true; }
  [[nodiscard]] bool may_be(security::CredentialId, const security::Identity&, std::string_view) const override {
    return true;
  }
  [[nodiscard]] bool is_protected(std::string_view) const override { return false; }
  [[nodiscard]] std::uint64_t revision() const override { return 0; }

 private:
  std::map<std::string, Secret<Bytes>, std::less<>> psks_;
  std::vector<Bytes> public_keys_;
};

/// The key log as Wireshark reads it.
class KeyLog final : public security::dtls::Watcher {
 public:
  explicit KeyLog(const std::string& name) : file_(name) {}
  void key_log(const Secret<std::string>& line) override { file_ << line.reveal() << std::endl; }
  void sealed(std::uint64_t, std::uint64_t, ByteView) override {}

 private:
  std::ofstream file_;
};

/// A listener, and behind it an echo or a CoAP endpoint that answers each request with 2.05.
class Server {
 public:
  Server(const Options& options, const security::ListenerSettings& settings, security::Acceptor& acceptor,
         const Known& known, Rng& rng)
      : listener_(settings, acceptor, known, rng) {
    if (options.coap) endpoint_.emplace(coap::Parameters{}, rng);
  }
  void handle_datagram(Instant now, const transport::Datagram& datagram) { listener_.handle_datagram(now, datagram); }
  void handle_timeout(Instant now) {
    listener_.handle_timeout(now);
    if (endpoint_) endpoint_->handle_timeout(now);
  }
  std::optional<transport::Transmit> poll_transmit() { return listener_.poll_transmit(); }
  [[nodiscard]] std::optional<Deadline> deadline() const {
    auto next = listener_.deadline();
    const auto other = endpoint_ ? endpoint_->deadline() : std::nullopt;
    return other && (!next || other->at < next->at) ? other : next;
  }
  void process(Instant now) {
    while (const auto event = listener_.poll_event()) report(now, *event);
    while (const auto plaintext = listener_.poll_plaintext()) {
      if (endpoint_) {
        endpoint_->handle_datagram(now, {plaintext->from, plaintext->bytes});
      } else {
        tell("heard " + line(plaintext->bytes));
        listener_.send(now, plaintext->from, plaintext->bytes);
      }
    }
    if (endpoint_) answer(now);
    const auto counters = listener_.counters();
    if (counters.parked != parked_) tell("parked");
    parked_ = counters.parked;
  }

 private:
  void answer(Instant now) {
    while (const auto event = endpoint_->poll_event()) {
      const auto* arrived = std::get_if<coap::RequestArrived>(&*event);
      if (arrived == nullptr) continue;
      tell("request " + arrived->request.options.uri_path());
      coap::Response response;
      response.code = coap::code::kContent;
      response.payload = to_bytes("answered");
      endpoint_->respond(now, arrived->responder, std::move(response));
    }
    while (const auto transmit = endpoint_->poll_transmit()) listener_.send(now, transmit->to, transmit->bytes);
  }
  void report(Instant now, const security::ListenerEvent& event) {
    if (const auto* opened = std::get_if<security::AssociationOpened>(&event)) {
      listener_.hold(now, opened->name, true);
      tell("opened " + opened->peer.to_string() + " " + opened->suite + (opened->resumed ? " resumed" : " full") +
           (opened->has_connection_id ? " cid" : " no-cid"));
    } else if (const auto* closed = std::get_if<security::AssociationClosed>(&event)) {
      if (endpoint_) endpoint_->forget_peer(closed->name);
      tell("closed " + closed->reason);
    } else {
      tell("refused " + std::get<security::HandshakeRefused>(event).reason);
    }
  }

  security::Listener listener_;
  std::optional<stack::Endpoint> endpoint_;
  std::uint64_t parked_ = 0;
};

/// One association to one server: says its word when it stands, and again when it was resumed.
class Client {
 public:
  Client(const Options& options, const PeerAddress& server, security::Connector& connector)
      : options_(options), server_(server), connector_(connector) {
    begin(io::now(), {});
  }
  void handle_datagram(Instant now, const transport::Datagram& datagram) {
    if (datagram.from == server_) association_->handle_datagram(now, datagram.bytes);
  }
  void handle_timeout(Instant now) { association_->handle_timeout(now); }
  std::optional<transport::Transmit> poll_transmit() {
    auto bytes = association_->poll_datagram();
    if (!bytes) return std::nullopt;
    return transport::Transmit{server_, std::move(*bytes)};
  }
  [[nodiscard]] std::optional<Deadline> deadline() const { return association_->deadline(); }
  void process(Instant now) {
    if (!opened_ && association_->state() == security::AssociationState::Established) {
      opened_ = true;
      tell("opened " + association_->peer().to_string() + " " + association_->suite() +
           (association_->is_resumed() ? " resumed" : " full") + (association_->has_connection_id() ? " cid" : " no-cid"));
      static_cast<void>(association_->send(now, options_.coap ? request() : to_bytes(options_.say + "\n")));
    }
    while (const auto plaintext = association_->poll_plaintext()) {
      const auto message = coap::decode(*plaintext);
      tell(options_.coap && message ? "answer " + message->code.to_string() + " " + std::string(as_text(message->payload))
                                    : "heard " + line(*plaintext));
    }
    if (!closed_ && association_->state() == security::AssociationState::Closed) {
      closed_ = true;
      tell((opened_ ? "closed " : "refused ") + association_->reason());
    }
  }
  /// GET of the path to say.
  [[nodiscard]] Bytes request() {
    coap::Message message;
    message.code = coap::code::kGet;
    message.id = {++message_id_};
    message.token = coap::Token::of(std::uint64_t{message_id_});
    message.options.add_uri_path(options_.say);
    return coap::encode(message);
  }
  /// Says goodbye, and comes back with the session.
  void again(Instant now) {
    const Secret<Bytes> session = association_->session();
    begin(now, session);
  }
  void close(Instant now) { association_->close(now); }

 private:
  void begin(Instant now, const Secret<Bytes>& session) {
    association_ = connector_.connect(now, session);
    opened_ = closed_ = false;
  }

  const Options& options_;
  PeerAddress server_;
  security::Connector& connector_;
  std::unique_ptr<security::Association> association_;
  std::uint16_t message_id_ = 0;
  bool opened_ = false, closed_ = false;
};

security::ClientCredential client_credential(const Options& options) {
  if (!options.psk.empty()) return {psk_of(options.psk.front()), {}};
  if (!options.raw_public.empty()) {
    if (options.known.empty()) die("--known is missing");
    return {security::RawKeyCredential{read_file(options.raw_public), Secret<Bytes>(read_file(options.raw_private))},
            read_file(options.known.front())};
  }
  if (options.anchors.empty()) die("--anchor is missing");
  return {security::CertificateCredential{read_files(options.chain), Secret<Bytes>(read_file(options.key))},
          read_file(options.anchors.front())};
}

security::ServerCredentials server_credentials(const Options& options) {
  security::ServerCredentials own;
  if (!options.raw_public.empty()) {
    own.raw_key = security::RawKeyCredential{read_file(options.raw_public), Secret<Bytes>(read_file(options.raw_private))};
  }
  if (!options.chain.empty()) {
    own.certificate = security::CertificateCredential{read_files(options.chain), Secret<Bytes>(read_file(options.key))};
    own.trust_anchors = read_files(options.anchors);
  }
  return own;
}

security::dtls::Parameters parameters(const Options& options, KeyLog* key_log) {
  security::dtls::Parameters parameters;
  parameters.cbc = options.cbc;
  parameters.gcm = options.gcm;
  parameters.retransmit_first = std::chrono::seconds(1);
  parameters.handshake_max = std::chrono::seconds(options.patience);
  parameters.watcher = key_log;
  if (options.session_tickets) parameters.ticket_secret = Secret<Bytes>(Bytes(32, 7));
  return parameters;
}

/// Lines of the standard input are commands: "again", "close". Its end is the program's.
template <class Core>
void run(io::EventLoop& loop, io::UdpSocket& socket, Core& core) {
  io::Driver<Core> driver(loop, socket, core, [&](Instant now) { core.process(now); });
  std::string typed;
  loop.watch(STDIN_FILENO, io::EventLoop::Interest::Read, [&] {
    char buffer[256];
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) {
      loop.unwatch(STDIN_FILENO);
      loop.stop();
      return;
    }
    typed.append(buffer, static_cast<std::size_t>(count));
    for (std::size_t end = typed.find('\n'); end != std::string::npos; end = typed.find('\n')) {
      const std::string command = typed.substr(0, end);
      typed.erase(0, end + 1);
      if constexpr (requires { core.again(Instant{}); }) {
        if (command == "again") core.again(io::now());
        if (command == "close") core.close(io::now());
      }
      driver.flush(io::now());
    }
  });
  driver.flush(io::now());
  loop.run();
}

int serve(const Options& options, io::UdpSocket& socket, DtlsProvider& provider, Rng& rng) {
  const Known known(options);
  auto acceptor = provider.acceptor(server_credentials(options), known);
  if (!acceptor) die(acceptor.error().reason);
  security::ListenerSettings settings;
  if (options.park) settings.park_after = std::chrono::milliseconds(300);
  Server server(options, settings, **acceptor, known, rng);
  io::EventLoop loop;
  tell("ready " + std::to_string(socket.local().port));
  run(loop, socket, server);
  return 0;
}

int call(const Options& options, const PeerAddress& server, io::UdpSocket& socket, DtlsProvider& provider) {
  auto connector = provider.connector(client_credential(options), options.host);
  if (!connector) die(connector.error().reason);
  Client client(options, server, **connector);
  io::EventLoop loop;
  tell("ready " + std::to_string(socket.local().port));
  run(loop, socket, client);
  return 0;
}

int start(bool is_server, const Options& options) {
  const auto address = PeerAddress::parse(options.address);
  if (!address) die("no address: " + options.address);
  io::UdpSocket::Options settings;
  settings.kind = transport::Kind::Dtls;
  auto socket = io::UdpSocket::open(is_server ? *address : PeerAddress::v4(0x7F000001, 0), settings);
  if (!socket) die(socket.error().reason);
  io::SystemRng rng;
  std::unique_ptr<KeyLog> key_log;
  if (!options.key_log.empty()) key_log = std::make_unique<KeyLog>(options.key_log);
  DtlsProvider provider(parameters(options, key_log.get()), rng);
  provider.set_wall_clock(std::chrono::seconds(io::unix_now()) - io::now().time_since_epoch());
  return is_server ? serve(options, *socket, provider, rng)
                   : call(options, address->as(transport::Kind::Dtls), *socket, provider);
}

}  // namespace
}  // namespace drover

int main(int count, char** arguments) {
  drover::Options options;
  CLI::App app("DTLS for tests with other people's programs", "dtls_peer");
  app.require_subcommand(1);
  CLI::App* server = app.add_subcommand("server", "returns what it hears");
  CLI::App* client = app.add_subcommand("client", "says one thing");
  for (CLI::App* each : {server, client}) {
    each->add_option("--address", options.address, "of the server: HOST:PORT");
    each->add_option("--psk", options.psk, "IDENTITY=KEY in hexadecimal");
    each->add_option("--raw-public", options.raw_public, "SubjectPublicKeyInfo, DER");
    each->add_option("--raw-private", options.raw_private, "its private key, DER");
    each->add_option("--known", options.known, "the peer's SubjectPublicKeyInfo, DER");
    each->add_option("--chain", options.chain, "certificates, DER");
    each->add_option("--key", options.key, "their private key, DER");
    each->add_option("--anchor", options.anchors, "trust anchors, DER");
    each->add_option("--key-log", options.key_log, "file for the keys, as Wireshark reads it");
    each->add_option("--patience", options.patience, "seconds that a handshake may take");
    each->add_flag("--cbc", options.cbc, "CBC suites, too");
    each->add_flag("--gcm", options.gcm, "GCM suites, too");
    each->add_flag("--tickets", options.session_tickets, "session tickets");
  }
  server->add_flag("--coap", options.coap, "answers CoAP requests");
  client->add_flag("--coap", options.coap, "sends a CoAP request for the path that it says");
  server->add_flag("--park", options.park, "puts idle associations away at once");
  client->add_option("--host", options.host, "the server's name");
  client->add_option("--say", options.say, "what it says");
  CLI11_PARSE(app, count, arguments);
  return drover::start(server->parsed(), options);
}

// SPDX-License-Identifier: Apache-2.0
// A LwM2M Client as a sans-IO core: object tree, one registration an account, observations, over one stack::Endpoint.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "client/binding.hpp"
#include "client/bootstrap.hpp"
#include "client/card.hpp"
#include "client/channels.hpp"
#include "client/notification_store.hpp"
#include "client/notifier.hpp"
#include "client/object_tree.hpp"
#include "client/objects/access_control_object.hpp"
#include "client/objects/connectivity_object.hpp"
#include "client/objects/device_object.hpp"
#include "client/objects/security_object.hpp"
#include "client/objects/server_object.hpp"
#include "client/objects/statistics_object.hpp"
#include "client/registration.hpp"
#include "client/saved_state.hpp"
#include "client/settings.hpp"
#include "client/sms_values.hpp"
#include "stack/endpoint.hpp"
#include "transport/datagram.hpp"

namespace drover::client {

struct ConsistencyRules;

// ---- what happened, to be polled ------------------------------------------------------------------------------------

/// The host is to look the name up and to call Client::resolved().
struct ResolveWanted {
  ServerId server = 0;
  std::string host;
  std::uint16_t port = 0;
};
struct BootstrapChanged {
  BootstrapReport report;
};
/// The host is to look at the smartcard and to call Client::card_found().
struct CardWanted {};
struct CardChanged {
  CardReport report;
};
struct RegistrationChanged {
  ServerId server = 0;
  RegistrationReport report;
};
/// An operation of a server was carried out or refused.
struct Served {
  ServerId server = 0;
  const char* operation = "";
  lwm2m::Path path;
  lwm2m::Status status{};
  std::string reason{};  ///< of a refused operation of the Bootstrap-Server, as it was told
};
/// A server wrote a resource, or created or deleted an instance.
struct ServerChanged {
  Change change;
};
struct Executed {
  ServerId server = 0;
  lwm2m::Path path;
  std::string arguments;
};
/// /3/0/4 and /3/0/5. The answers have been handed to the transmits already.
struct RebootWanted {};
struct FactoryResetWanted {};
/// In queue mode: the server neither hears of the device nor is it heard. Client::is_offline() says whether anybody is.
struct Asleep {
  ServerId server = 0;
};
/// An Update is about to tell the server that the device is there.
struct Awake {
  ServerId server = 0;
};
using ClientEvent =
    std::variant<Asleep, Awake, ResolveWanted, CardWanted, CardChanged, BootstrapChanged, RegistrationChanged, Served,
                                 ServerChanged, Executed, RebootWanted, FactoryResetWanted>;

struct ClientCounters {
  std::uint64_t ignored = 0;  ///< datagrams of strangers, and requests before the registration stands (Core §5.4)
  std::uint64_t operations = 0;
  std::uint64_t notifications = 0;
  std::uint64_t kept = 0;       ///< notifications for a server that couldn't be reached (/1/x/6)
  std::uint64_t discarded = 0;  ///< the same where nothing is to be kept
  std::uint64_t refused_sms = 0;  ///< of strangers, or in a way that isn't the server's; dropped without a word
  std::uint64_t unheard = 0;    ///< datagrams that came while the device was offline
};

/// Whom the device hears by SMS, and how: what a sms::Gateway asks for.
struct SmsPeer {
  bool plain = false;                 ///< Kind::Sms
  bool dtls = false;                  ///< Kind::SmsDtls
  std::optional<SmsPackets> packets;  ///< Kind::SmsPacket
  bool on_card = false;               ///< Kind::SmsPacket, through the smartcard
};

struct AccountView {
  ServerId server = 0;
  std::string uri;
  RegistrationState state{};
  std::string location;
  std::optional<transport::PeerAddress> peer;  ///< while registering or registered
  bool secure = false;                         ///< coaps
  bool has_association = false;
  std::string binding;  ///< as the server knows it
  bool asleep = false;  ///< in queue mode, offline for this server
};

/// The Bootstrap-Server account.
struct BootstrapView {
  std::string uri;
  BootstrapState state{};
  bool secure = false;
  bool has_association = false;
  bool has_draft = false;  ///< a configuration is being written that isn't the device's yet
};

/// What an account may have besides.
struct AccountWishes {
  std::string binding = "U";  ///< /1/x/7
  SmsValues sms = {};         ///< /0/x/6 to /0/x/9
};

/// Satisfies io::Driven. Drive it by the one contract; after changes to tree() from outside call settle(). `rng` and
/// the definitions outlive it. One thread at a time.
///
/// Accounts are pairs of a Security instance (/0/x: URI, keys, short server id) and the Server instance with the same
/// short server id (/1/x/0); they are followed as the tree changes. A changed credential closes the association with a
/// goodbye and makes another one (Core §5.2.5). Datagrams from other addresses than those of the
/// registered servers, and requests of a server that hasn't acknowledged the registration yet, are dropped unanswered:
/// Core §5.4 and §5.5 say MUST ignore.
///
/// With SmsSettings::attached the host moves datagrams of Kind::Sms, SmsDtls and SmsPacket to and from short messages,
/// and protects those of SmsPacket with the keys that sms_peer() gives (sms::Gateway does it).
///
/// With ClientSettings::smartcard the card comes first (Core §5.2.4): nothing is registered before card_found() was
/// called, and while the configuration is of a card, CardWanted precedes each Register and Update, which wait for the
/// answer. Accounts of the factory are the next step: the host adds them when CardChanged left the client without any.
class Client {
 public:
  Client(ClientSettings settings, Rng& rng);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// As ObjectTree::define(), with the specified behaviour for objects 0, 1, 2, 3, 4 and 7.
  void define(const lwm2m::model::ObjectDefinition& definition, ObjectBehaviour* behaviour = nullptr,
              std::vector<lwm2m::ResourceId> supported = {});
  /// Adds an account: the next free instances of objects 0 and 1. Both must be defined. Refuses a reserved id and one
  /// that an account has, a URI that can't be parsed or doesn't go with the security mode, and settings that don't fit
  /// a Register.
  Result<void> add_account(Instant now, ServerId server, const std::string& uri, std::uint32_t lifetime,
                           const SecurityValues& security = {}, const AccountWishes& wishes = {});
  /// Adds the Bootstrap-Server account, of which there is one: the next free instance of object 0. `hold_off` and
  /// `timeout` are /0/x/11 and /0/x/12, in seconds; a timeout of 0 keeps the account for good.
  Result<void> add_bootstrap_account(Instant now, const std::string& uri, const SecurityValues& security = {},
                                     std::uint32_t hold_off = 0, std::uint32_t timeout = 0);
  ObjectTree& tree() { return tree_; }
  [[nodiscard]] const ObjectTree& tree() const { return tree_; }
  DeviceObject& device() { return device_object_; }
  ConnectivityObject& connectivity() { return connectivity_object_; }

  // ---- commands; each is a mutation
  // -----------------------------------------------------------------------------------
  void start(Instant now);
  /// De-registers everywhere and stays off until start().
  void stop(Instant now);
  void update(Instant now);
  /// Doesn't wait for the end of the awake time where a server allows to be offline and nothing is under way.
  void go_offline(Instant now);
  /// An Update to each server that the device is offline for.
  void wake(Instant now);
  /// A client initiated bootstrap now, whatever registrations there are. False without a Bootstrap-Server account that
  /// can be used.
  bool bootstrap(Instant now);
  /// What the host found on the card: the answer to CardWanted, or of its own accord. While a Bootstrap-Server writes,
  /// it waits.
  void card_found(Instant now, CardFinding finding);
  /// CardWanted follows.
  void look_at_card(Instant now);
  void address_changed(Instant now);
  /// As above where only the way to one server changed.
  void address_changed(Instant now, ServerId server);
  void resolved(Instant now, ServerId server, std::vector<transport::PeerAddress> addresses);
  /// Carries out what follows from changes to tree(): notifications, Updates, accounts.
  void settle(Instant now);
  /// Goes on where `saved` was taken: with the registrations whose lifetime still runs and whose server is the same,
  /// and with their observations, by an Update; with the attributes of servers that have an account, and the clock. The
  /// tree must be as it is to be. Before start(), once. `unix_now` is the system's wall clock.
  void restore(Instant now, UnixSeconds unix_now, const SavedState& saved);

  // ---- for a gateway of short messages
  // --------------------------------------------------------------------------------------------
  /// Nothing for a stranger. `msisdn` is digits.
  [[nodiscard]] std::optional<SmsPeer> sms_peer(std::string_view msisdn) const;
  /// Zeros for a key that hasn't been used.
  [[nodiscard]] SmsCounters sms_counters(std::uint64_t key) const;
  /// They are on disk once a storage has saved what unsaved() says. Neither ever goes back.
  void set_sms_counters(const SmsCounters& counters);
  /// Short messages that went and came in all, for /7/0/0 and /7/0/1.
  void sms_counted(Instant now, std::uint64_t sent, std::uint64_t received);

  // ---- for a storage
  // ------------------------------------------------------------------------------------------------
  /// From now on unsaved() tells what changes.
  void track_unsaved();
  [[nodiscard]] const Unsaved& unsaved() const { return unsaved_; }
  Unsaved take_unsaved();
  [[nodiscard]] SavedState saved_state(Instant now, UnixSeconds unix_now);
  /// At an orderly end, before the last saved_state(): takes the associations out of use, so that another process can
  /// go on with them. The client says and hears nothing more.
  void release_associations(Instant now);

  void handle_datagram(Instant now, const transport::Datagram& datagram);
  void handle_timeout(Instant now);
  std::optional<transport::Transmit> poll_transmit();
  std::optional<ClientEvent> poll_event();
  /// As stack::Endpoint::poll_drop(), with what ClientCounters::ignored counts.
  std::optional<coap::Drop> poll_drop() { return endpoint_.poll_drop(); }
  [[nodiscard]] std::optional<Deadline> deadline() const;

  [[nodiscard]] std::vector<AccountView> accounts() const;
  /// Nothing without an account that can be used.
  [[nodiscard]] std::optional<BootstrapView> bootstrap_account() const;
  /// What the configuration has of a card.
  [[nodiscard]] const std::optional<SavedCard>& loaded_card() const { return card_.loaded; }
  /// What protects the way to `host`: the keys of the first account whose URI names it, bootstrap servers included
  /// (Transport "Bootstrapping": they are for a firmware repository at the same host, too). Nothing without one.
  [[nodiscard]] std::optional<SecurityValues> keys_for(Instant now, std::string_view host) const;
  /// At least one server takes the device for offline, and none is to reach it over UDP at this moment: the radio may be
  /// off. What arrives is dropped unheard.
  [[nodiscard]] bool is_offline() const;
  /// No registration stands and none is being ended: after stop() the host may exit.
  [[nodiscard]] bool is_off() const;
  [[nodiscard]] const Notifier& notifier() const { return notifier_; }
  /// What waits for servers that can't be reached.
  [[nodiscard]] const NotificationStore& kept_notifications() const { return store_; }
  [[nodiscard]] const ClientCounters& counters() const { return counters_; }
  [[nodiscard]] const coap::Counters& coap_counters() const { return endpoint_.counters(); }

 private:
  struct Account {
    Account(lwm2m::InstanceId server, ServerUri uri, RegistrationParameters parameters,
            const RegistrationLimits& limits, Rng& rng)
        : server_instance(server), registration(std::move(uri), std::move(parameters), limits, rng) {}
    lwm2m::InstanceId server_instance;
    Registration registration;
    std::optional<coap::ExchangeId> exchange;
    std::optional<coap::Request> waiting;  ///< for the association, instead of `exchange`
    std::optional<lwm2m::Uplink> held;     ///< until somebody has looked at the card
    std::uint64_t look = 0;                ///< CardState::looks, of that which the last Register or Update was behind
    bool leaving = false;  ///< its instances are gone
    bool silent = false;   ///< a confirmable notification wasn't acknowledged, and nothing was heard since
    std::optional<Instant> observe_again_until;  ///< dormant observations are dropped then
    std::optional<SmsProtection> sms;  ///< where its short messages may come from
    std::optional<std::pair<coap::MessageId, Instant>> trigger;  ///< the last one under UQT
    QueueMode queue;
    std::vector<std::pair<coap::ResponderId, coap::Response>> farewells;  ///< ends of observations, for a server that sleeps
    std::uint64_t revision = ~std::uint64_t{0};  ///< of the registration, when it was last looked at for unsaved()
  };
  struct SentNotification {
    StoredNotification notification;
    bool confirmable = false;
  };
  /// The confirmable notification of an observation that is under way.
  struct Unacknowledged {
    std::vector<SentNotification> sent;           ///< it, and the newest one that waits behind it
    std::optional<std::uint64_t> stored_through;  ///< instead: it delivers what store_ has up to this number
  };
  /// A Block1 body that arrives piece by piece.
  struct Body {
    transport::PeerAddress peer;
    Instant started;
    std::optional<lwm2m::Path> sink;  ///< goes to a behaviour instead of `bytes`
    Bytes bytes;
  };

  static constexpr ServerId kBootstrapServer = 0;

  // accounts.cpp
  void sync_accounts(Instant now);
  [[nodiscard]] std::optional<ServerUri> usable_uri(Instant now, lwm2m::InstanceId security, ServerId server);
  [[nodiscard]] bool report_refusal(ServerId server, const Result<void>& fits);
  [[nodiscard]] SecurityValues security_values(Instant now, lwm2m::InstanceId security) const;
  void sync_bootstrap(Instant now, std::optional<lwm2m::InstanceId> security);
  Result<lwm2m::Path> add_security(Instant now, const std::string& uri, const SecurityValues& security,
                                   const AccountWishes& wishes);
  [[nodiscard]] Result<void> check_way(const std::string& uri, const SecurityValues& security,
                                       const AccountWishes& wishes) const;
  void sync_account(Instant now, lwm2m::InstanceId security, ServerId server, lwm2m::InstanceId server_instance);
  [[nodiscard]] RegistrationParameters parameters(Instant now, lwm2m::InstanceId server_instance,
                                                  const Transports& transports) const;
  [[nodiscard]] std::string binding(Instant now, lwm2m::InstanceId server_instance) const;
  void configure_account(Instant now, ServerId server, const ServerUri& uri, lwm2m::InstanceId server_instance,
                         const Transports& transports);
  [[nodiscard]] std::optional<std::int64_t> integer(Instant now, const lwm2m::Path& path) const;
  bool drain_registration(Instant now, ServerId server, Account& account);
  void remove_left_accounts(Instant now);

  // bootstrapping.cpp
  void decide_bootstrap(Instant now);
  void trigger_bootstrap(Instant now);
  bool drain_bootstrap(Instant now);
  void perform(Instant now, BootstrapAction&& action);
  void send_bootstrap_request(Instant now);
  void serve_bootstrap(Instant now, coap::ResponderId responder, const coap::Request& request);
  void collect_bootstrap(Instant now, coap::RequestBlockArrived&& event);
  [[nodiscard]] bool may_command() const;
  [[nodiscard]] bool is_bootstrap(const transport::PeerAddress& peer) const;
  [[nodiscard]] ConsistencyRules consistency_rules(const ObjectTree::Draft& draft) const;
  Result<void> conclude_bootstrap();
  void adopt_bootstrap(Instant now);
  void purge_bootstrap(Instant now);
  [[nodiscard]] std::optional<transport::PeerAddress> bootstrap_peer() const;

  // card.cpp
  [[nodiscard]] bool may_register() const;
  void ask_card(Instant now);
  [[nodiscard]] bool holds_for_card(Instant now, Account& account, const lwm2m::Uplink& uplink);
  void time_out_card(Instant now);
  [[nodiscard]] std::optional<Deadline> card_deadline() const;
  bool settle_card(Instant now);
  void release_held(Instant now);
  CardReport take_card(Instant now, const NoCard& found);
  CardReport take_card(Instant now, const UnreadableCard& found);
  CardReport take_card(Instant now, const CardData& found);
  [[nodiscard]] Result<std::set<lwm2m::Path>> load_card(Instant now, ObjectTree::Draft& draft, ByteView file,
                                                        std::string& left_out) const;
  void unload_card(Instant now);
  void adopt_card(Instant now, ObjectTree::Draft draft);
  void take_from_card(const std::set<lwm2m::Path>& instances);
  void restore_card(const SavedState& saved);

  // associations.cpp
  [[nodiscard]] static std::optional<transport::PeerAddress> peer_of(ServerId server, const Account& account);
  [[nodiscard]] Channels& channels_of(const ServerUri& uri) { return uri.is_sms() ? sms_channels_ : channels_; }
  bool drain_channels(Instant now, Channels& channels);
  [[nodiscard]] Result<void> check_security(const ServerUri& uri, const SecurityValues& values) const;
  Result<void> configure_channel(Instant now, ServerId server, const ServerUri& uri, const SecurityValues& values);
  void way_changed(Instant now, ServerId server, Account& account);
  void send_uplink(Instant now, ServerId server, Account& account, const lwm2m::Uplink& uplink);
  void abandon_uplink(Account& account);
  bool drain_channels(Instant now);
  void receive(Instant now, const transport::Datagram& datagram);
  bool hand_over_transmits(Instant now);

  // messaging.cpp
  [[nodiscard]] std::optional<SmsProtection> sms_of(Instant now, lwm2m::InstanceId security) const;
  [[nodiscard]] Result<void> check_sms_account(const std::function<std::optional<lwm2m::Value>(const lwm2m::Path&)>& get,
                                               lwm2m::InstanceId security, const std::string& binding) const;
  [[nodiscard]] Transports transports_with(const std::optional<SmsProtection>& sms) const;
  [[nodiscard]] std::optional<transport::PeerAddress> sms_peer_of(ServerId server, const Account& account) const;
  [[nodiscard]] RegistrationLimits limits_of(const ServerUri& uri) const;
  void configure_sms(Instant now, ServerId server, Account& account, std::optional<SmsProtection> sms);
  void connect_sms(Instant now, ServerId server, Account& account);
  void take_sms(Instant now, const transport::Datagram& datagram);
  void refuse_sms(const transport::Datagram& datagram, const char* why);
  [[nodiscard]] std::optional<lwm2m::Execute> trigger_in(const transport::Datagram& datagram, const Account& account,
                                                         coap::MessageId& id) const;
  [[nodiscard]] bool takes_request_by_sms(Instant now, ServerId server, const transport::Datagram& datagram);
  void raise_sms_counters(const SmsCounters& counters);

  // sleeping.cpp
  [[nodiscard]] Transports transports() const;
  [[nodiscard]] Binding binding_of(const Account& account) const;
  [[nodiscard]] bool is_busy(ServerId server, const Account& account) const;
  [[nodiscard]] bool is_unheard(const transport::PeerAddress& from) const;
  [[nodiscard]] std::optional<Instant> sleep_due(ServerId server, const Account& account) const;
  [[nodiscard]] std::optional<Deadline> queue_deadline() const;
  void fall_asleep(Instant now, ServerId server, Account& account);
  bool settle_queue_mode(Instant now);
  void wake_on_time(Instant now);
  void wake_for_notification(ServerId server);
  bool begin_waking(Instant now, ServerId server, Account& account);
  void shown(Instant now, Account& account);
  void note_sent(Instant now, const transport::PeerAddress& to);
  [[nodiscard]] bool is_asleep(const transport::PeerAddress& to) const;

  // reporting.cpp
  bool drain_changes(Instant now);
  bool drain_behaviours(Instant now);
  bool send_notifications(Instant now);

  // delivery.cpp
  [[nodiscard]] bool is_reachable(ServerId server) const;
  [[nodiscard]] bool keeps_notifications(Instant now, ServerId server) const;
  void heard(ServerId server);
  void pay_owed(ServerId server);
  void keep(Instant now, coap::ResponderId id, StoredNotification notification);
  void notify(Instant now, const Due& due, lwm2m::Outcome outcome);
  void end_observation(Instant now, const Observation& observation, coap::Response error);
  void acknowledged(coap::ResponderId id);
  void keep_unacknowledged(Instant now, coap::ResponderId id);
  void timed_out(Instant now, coap::ResponderId id);
  void suspend_observations(Instant now, ServerId server);
  void forget_observations(ServerId server);
  void report_registration(Instant now, ServerId server, Account& account, const RegistrationReport& report);
  void expire_dormant(Instant now);
  bool deliver_kept(Instant now);
  void deliver_kept(Instant now, const Observation& observation);

  // saved_state.cpp
  void note_unsaved(const Change& change);
  void note_unsaved_observations();
  void note_unsaved_attributes();
  void note_unsaved_registrations();
  void restore_notifications(Instant now, UnixSeconds unix_now, const SavedState& saved);
  void restore_observation(Instant now, const transport::PeerAddress& peer, const SavedObservation& saved,
                           std::uint32_t number);

  // downlink.cpp
  bool drain_endpoint(Instant now);
  void handle(Instant now, coap::ResponseArrived&& event);
  void handle(Instant now, coap::RequestFailed&& event);
  void handle(Instant now, coap::RequestArrived&& event);
  void handle(Instant now, coap::RequestBlockArrived&& event);
  void serve(Instant now, coap::ResponderId responder, ServerId server, const coap::Request& request);
  void observe(Instant now, coap::ResponderId responder, ServerId server, const lwm2m::Observe& operation,
               coap::Response& response);
  void cancel_observations(ServerId server, const lwm2m::Path& path);
  void forget_stale_bodies(Instant now);
  [[nodiscard]] std::optional<ServerId> server_at(const transport::PeerAddress& peer) const;
  [[nodiscard]] bool is_welcome(const transport::Datagram& datagram) const;
  [[nodiscard]] static bool is_request(ByteView datagram);

  ClientSettings settings_;
  Rng& rng_;
  lwm2m::model::ObjectDefinition security_definition_;  ///< outlives the tree
  ObjectTree tree_;
  SecurityObject security_object_;
  ServerObject server_object_;
  AccessControlObject access_control_object_{tree_};
  DeviceObject device_object_;
  ConnectivityObject connectivity_object_;
  StatisticsObject statistics_object_;
  Notifier notifier_;
  NotificationStore store_;
  std::map<coap::ResponderId, Unacknowledged> unacknowledged_;
  std::set<coap::ResponderId> owed_;  ///< observations that a notification was discarded of
  bool delivery_due_ = false;         ///< something has changed for what is kept
  stack::Endpoint endpoint_;
  Channels channels_;
  Channels sms_channels_;
  BootstrapSequence bootstrap_;
  std::optional<lwm2m::InstanceId> bootstrap_instance_;  ///< of object 0, as the tree has it
  std::optional<ObjectTree::Draft> draft_;               ///< while commands of the Bootstrap-Server are taken
  std::optional<coap::ExchangeId> bootstrap_exchange_;
  std::optional<coap::Request> bootstrap_waiting_;  ///< for the association, instead of `bootstrap_exchange_`
  bool bootstrap_replaced_ = false;  ///< the association that lingers is of keys that the device hasn't any more
  std::optional<Instant> purge_at_;                 ///< the Bootstrap-Server account (/0/x/12)
  struct CardState {
    bool tried = false;                   ///< since start() (Core §5.2.4, step 1)
    std::optional<Instant> asked_until;   ///< CardWanted is out
    std::optional<Instant> looked_at;
    std::uint64_t looks = 0;
    bool unreadable = false;              ///< when it was looked at last
    std::optional<CardFinding> found;     ///< to be taken
    std::optional<SavedCard> loaded;
  };
  CardState card_;
  std::deque<transport::Transmit> transmits_;  ///< to network addresses
  std::map<ServerId, Account> accounts_;
  std::map<ServerId, std::string> refused_;  ///< accounts that can't be used, so that each is reported once
  std::map<std::uint64_t, Body> bodies_;     ///< by ResponderId
  std::deque<ClientEvent> events_;
  ClientCounters counters_;
  bool started_ = false;
  bool accounts_changed_ = true;
  Unsaved unsaved_;
  bool tracking_ = false;
  std::uint32_t saved_observe_number_ = 0;
  std::uint64_t saved_channels_ = 0;  ///< Channels::revision() of both
  std::map<std::uint64_t, SmsCounters> sms_counters_;
  std::pair<std::uint64_t, std::size_t> saved_kept_;  ///< NotificationStore::next_number() and size()
  std::optional<std::int64_t> clock_offset_;  ///< SavedState::clock_offset
  bool clock_set_ = false;                    ///< by a server since clock_offset_ was worked out
};

}  // namespace drover::client

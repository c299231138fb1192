// SPDX-License-Identifier: Apache-2.0
#include "sim/sleeping_world.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <initializer_list>
#include <utility>

namespace drover::sim {
namespace {

using namespace std::chrono_literals;

constexpr lwm2m::ObjectId kDevice = 3, kTemperature = 3303, kLight = 3311;
constexpr lwm2m::ResourceId kSensorValue = 5700, kReset = 5605, kApplicationType = 5750;
const std::string kServerNumber = "4915100000000";
const PeerAddress kServerAddress = PeerAddress::v4(0x0A000001, 5683);
constexpr Link kRadio{"sleepy", 200ms, 1800ms, 50, 20};
/// Of kRadio: what the device's last message may take to the server.
constexpr Duration kDelayMax = 2s;

client::SmsValues sms_values(std::uint64_t key) {
  client::SmsValues values;
  values.mode = 1;  // with SmsMode1::SecuredPackets
  values.key_parameters = security::sps::Parameters{}.octets();
  Bytes keys(32);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<std::uint8_t>((key >> (8 * (i % 4))) ^ i);
  values.keys = Secret<Bytes>(std::move(keys));
  values.number = kServerNumber;
  return values;
}

/// A host with one number: what it sends and takes is seen by the checker.
struct Watched {
  PacketsAreTakenOnce& checker;
  std::string own;
  void sent(const Transmit& transmit) {
    if (transmit.to.kind == transport::Kind::SmsPacket) checker.sent(own, transmit.to.msisdn(), transmit.bytes);
  }
  void taken(Instant now, const Datagram& datagram) {
    if (datagram.from.kind != transport::Kind::SmsPacket) return;
    checker.taken(now, datagram.from.msisdn(), own, Bytes(datagram.bytes.begin(), datagram.bytes.end()));
  }
};

}  // namespace

// ---- a device

class SleepingWorld::Sleeper final : public Node, public sms::Peers, private client::ObjectBehaviour {
 public:
  enum class Kind { Uq, Uqs, S };

  Sleeper(SleepingWorld& world, std::size_t index)
      : world_(world),
        kind_(index % 8 == 7 ? Kind::S : index % 2 == 1 ? Kind::Uqs : Kind::Uq),
        endpoint_("sleeper-" + std::to_string(index)),
        msisdn_(std::to_string(4917000000000 + static_cast<std::int64_t>(index))),
        key_(index + 1),
        rng_(world.settings_.seed * 100'000 + index),
        client_(settings(), rng_) {
    for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{0, 1, kDevice}) {
      client_.define(*world.definitions_.find(object));
    }
    client_.define(*world.definitions_.find(kLight));
    client_.define(*world.definitions_.find(kTemperature), this);
    address_ = world.fresh();
    host_ = world.network_.attach(address_, this, kRadio);
    make_sms();
  }

  void start(Instant now) {
    now_ = now;
    const client::Context own{now, std::nullopt};
    [[maybe_unused]] bool made =
        client_.tree().add(own, kDevice, 0).has_value() && client_.tree().add(own, kTemperature, 0).has_value();
    made = made && client_.tree().add(own, kLight, 0).has_value();
    made = made && client_.tree().set(own, lwm2m::Path(kLight, 0, kApplicationType), std::string("0")).has_value();
    client::AccountWishes wishes;
    wishes.binding = kind_ == Kind::S ? "S" : kind_ == Kind::Uqs ? "UQS" : "UQ";
    if (kind_ != Kind::Uq) wishes.sms = sms_values(key_);
    const std::string uri = kind_ == Kind::S ? "tel:+" + kServerNumber : "coap://" + kServerAddress.to_string();
    made = made && client_.add_account(now, 1, uri, world_.settings_.lifetime, {}, wishes).has_value();
    assert(made);
    client_.start(now);
    world_.network_.flush(host_);
  }
  /// Its number is taken out of the network and comes back, with what its disk has.
  void restart_sms() {
    if (kind_ == Kind::Uq) return;
    world_.complain_if(sms_host_->has_gone_back(), endpoint_ + ": counters went back");
    refused_ += refused(sms_host_->counters());
    make_sms();
  }
  void move() {
    world_.by_address_.erase(address_);
    address_ = world_.fresh();
    world_.network_.move(host_, address_);
    world_.by_address_[address_] = this;
    client_.address_changed(now_ = world_.network_.now());
    world_.network_.flush(host_);
  }
  void change(Instant now) {
    now_ = now;
    if (!client_.tree().has(lwm2m::Path(kTemperature, 0))) return;  // it hasn't begun
    const auto set = client_.tree().set({now, std::nullopt}, lwm2m::Path(kTemperature, 0, kSensorValue), static_cast<double>(now.time_since_epoch().count() % 100));
    assert(set);
    client_.settle(now);
    world_.network_.flush(host_);
  }

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] const std::string& msisdn() const { return msisdn_; }
  [[nodiscard]] const PeerAddress& address() const { return address_; }
  [[nodiscard]] std::uint64_t key() const { return key_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] Network::Host host() const { return host_; }
  [[nodiscard]] bool is_registered() const {
    const auto accounts = client_.accounts();
    return accounts.size() == 1 && !accounts[0].location.empty();
  }
  [[nodiscard]] std::uint64_t refused_packets() const { return refused_ + refused(sms_host_->counters()); }
  [[nodiscard]] bool has_gone_back() const { return sms_host_->has_gone_back(); }
  static std::uint64_t refused(const sms::GatewayCounters& counters) {
    return counters.unprotected + counters.replayed + counters.reflected;
  }

  // sms::Peers
  [[nodiscard]] std::optional<sms::Peer> find(std::string_view msisdn) const override {
    const auto known = client_.sms_peer(msisdn);
    if (!known) return std::nullopt;
    sms::Peer peer;
    peer.plain = known->plain;
    peer.dtls = known->dtls;
    if (known->packets) peer.packets = sms::Peer::Packets{known->packets->key, known->packets->parameters, known->packets->keys};
    return peer;
  }
  [[nodiscard]] sms::Counters counters(std::uint64_t key) const override { return disk_.read(key); }

  // Node
  void handle_datagram(Instant now, const Datagram& datagram) override {
    now_ = now;
    client_.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override {
    now_ = now;
    client_.handle_timeout(now);
  }
  std::optional<Transmit> poll_transmit() override {
    while (auto transmit = client_.poll_transmit()) {
      if (!transmit->to.is_sms()) return transmit;
      watched_.sent(*transmit);
      sms_host_->send(now_, *transmit);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    const auto deadline = client_.deadline();
    return deadline ? std::optional(deadline->at) : std::nullopt;
  }
  void after(Instant now) override {
    now_ = now;
    while (const auto event = client_.poll_event()) {
      if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
        client_.resolved(now, wanted->server, {kServerAddress});
      } else if (const auto* changed = std::get_if<client::ServerChanged>(&*event)) {
        look_at_write(now, changed->change);
      } else if (std::holds_alternative<client::Asleep>(*event)) {
        ++world_.report_.sleeps;
        world_.sleep_is_respected_.asleep(endpoint_, now);
      } else if (std::holds_alternative<client::Awake>(*event)) {
        world_.sleep_is_respected_.awake(endpoint_);
      }
    }
  }

 private:
  client::ClientSettings settings() const {
    client::ClientSettings settings;
    settings.endpoint = endpoint_;
    if (kind_ == Kind::Uq) return settings;
    settings.sms.msisdn = msisdn_;
    settings.sms.attached = true;
    settings.sms.mode1 = client::SmsMode1::SecuredPackets;
    return settings;
  }
  void make_sms() {
    sms_host_.reset();
    sms_host_ = std::make_unique<SmsHost>(world_.network_, world_.sms_, msisdn_, *this, disk_, rng_.next(),
                                          [this](Instant now, const Datagram& datagram) {
                                            watched_.taken(now, datagram);
                                            handle_datagram(now, datagram);
                                            world_.network_.flush(host_);
                                          });
  }
  void look_at_write(Instant now, const client::Change& change) {
    const auto value = client_.tree().get({now, std::nullopt}, lwm2m::Path(kLight, 0, kApplicationType));
    const auto* const text = value ? std::get_if<std::string>(&*value) : nullptr;
    if (text == nullptr || change.path != lwm2m::Path(kLight, 0, kApplicationType)) return;
    ++world_.report_.writes;
    world_.order_is_kept_.carried_out(now, endpoint_, std::strtoull(text->c_str(), nullptr, 10), false);
  }
  Result<void> execute(const client::Context& context, const lwm2m::Path&, const client::Arguments& arguments) override {
    assert(!arguments.empty() && arguments.front().value);
    ++world_.report_.executed;
    world_.order_is_kept_.carried_out(context.now, endpoint_, std::strtoull(arguments.front().value->c_str(), nullptr, 10),
                                      true);
    return {};
  }

  SleepingWorld& world_;
  Kind kind_;
  std::string endpoint_, msisdn_;
  std::uint64_t key_;
  SplitMix rng_;
  Instant now_{};
  PeerAddress address_;
  Network::Host host_ = 0;
  CounterDisk disk_;
  Watched watched_{world_.packets_are_taken_once_, msisdn_};
  client::Client client_;
  std::unique_ptr<SmsHost> sms_host_;
  std::uint64_t refused_ = 0;
};

// ---- the server

class SleepingWorld::Fleet final : public Node, public sms::Peers, public server::SmsDirectory {
 public:
  explicit Fleet(SleepingWorld& world) : world_(world), rng_(world.settings_.seed) {
    for (std::size_t index = 0; index < world.settings_.shards; ++index) {
      server::ShardConfig config;
      config.index = index;
      config.count = world.settings_.shards;
      config.events = false;
      config.sms = this;
      config.policy.operation_lifetime = std::chrono::hours(24 * 3);
      if (world.settings_.awake_error > Duration::zero()) {
        config.policy.awake_times = {{"*", config.coap.max_transmit_wait() + world.settings_.awake_error}};
      }
      shards_.push_back(std::make_unique<server::Shard>(std::move(config), rng_));
    }
    host_ = world.network_.attach(kServerAddress, this, link::kLan);
    make_sms();
  }

  void operate(Instant now, server::Ticket ticket, const std::string& endpoint, lwm2m::Downlink operation,
               const server::OperationSettings& settings) {
    now_ = now;
    const auto owner = std::find_if(shards_.begin(), shards_.end(), [&](const auto& one) { return one->has(endpoint); });
    (owner == shards_.end() ? shards_.front() : *owner)->operate(now, ticket, endpoint, std::move(operation), settings);
    world_.network_.flush(host_);
  }
  void restart_sms() {
    world_.complain_if(sms_host_->has_gone_back(), "server: counters went back");
    refused_ += Sleeper::refused(sms_host_->counters());
    make_sms();
  }
  [[nodiscard]] bool has(const std::string& endpoint) const {
    return std::any_of(shards_.begin(), shards_.end(), [&](const auto& one) { return one->has(endpoint); });
  }
  void add(const Sleeper& sleeper) { numbers_[sleeper.msisdn()] = &sleeper; }
  [[nodiscard]] server::ServerCounters total() const {
    server::ServerCounters sum;
    for (const auto& shard : shards_) {
      const server::ServerCounters part = shard->counters();
      sum.devices += part.devices;
      sum.queued += part.queued;
      sum.requeued += part.requeued;
      sum.expired += part.expired;
      sum.triggers += part.triggers;
      sum.triggers_failed += part.triggers_failed;
      sum.fallbacks += part.fallbacks;
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t refused_packets() const { return refused_ + Sleeper::refused(sms_host_->counters()); }
  [[nodiscard]] bool has_gone_back() const { return sms_host_->has_gone_back(); }

  // sms::Peers
  [[nodiscard]] std::optional<sms::Peer> find(std::string_view msisdn) const override {
    const auto found = numbers_.find(std::string(msisdn));
    if (found == numbers_.end()) return std::nullopt;
    const client::SmsValues values = sms_values(found->second->key());
    const auto parameters = security::sps::Parameters::parse(values.key_parameters);
    sms::Peer peer;
    peer.packets = sms::Peer::Packets{found->second->key(), *parameters, *security::sps::Keys::parse(*parameters, values.keys)};
    return peer;
  }
  [[nodiscard]] sms::Counters counters(std::uint64_t key) const override { return disk_.read(key); }

  // server::SmsDirectory
  [[nodiscard]] std::optional<transport::Kind> kind_for(std::string_view msisdn) const override {
    if (!numbers_.contains(std::string(msisdn))) return std::nullopt;
    return transport::Kind::SmsPacket;
  }
  [[nodiscard]] bool may_be(std::string_view msisdn, std::string_view endpoint) const override {
    const auto found = numbers_.find(std::string(msisdn));
    return found != numbers_.end() && found->second->endpoint() == endpoint;
  }

  // Node
  void handle_datagram(Instant now, const Datagram& datagram) override {
    now_ = now;
    const std::size_t shard = datagram.from.is_sms() ? server::sms_home(datagram.from.msisdn(), shards_.size())
                                                     : datagram.from.hash() % shards_.size();
    shards_[shard]->handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override {
    now_ = now;
    for (const auto& shard : shards_) shard->handle_timeout(now);
  }
  std::optional<Transmit> poll_transmit() override {
    for (const auto& shard : shards_) {
      while (auto transmit = shard->poll_transmit()) {
        if (!transmit->to.is_sms()) return transmit;
        watched_.sent(*transmit);
        sms_host_->send(now_, *transmit);
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    std::optional<Instant> earliest;
    for (const auto& shard : shards_) {
      const auto deadline = shard->deadline();
      if (deadline && (!earliest || deadline->at < *earliest)) earliest = deadline->at;
    }
    return earliest;
  }
  void after(Instant now) override {
    now_ = now;
    for (bool busy = true; busy;) {
      busy = false;
      for (const auto& shard : shards_) {
        for (; const auto mail = shard->poll_mail(); busy = true) shards_[mail->to]->handle_mail(now, *mail);
        for (; const auto status = shard->poll_progress(); busy = true) {
          if (status->state == server::OperationState::Queued && status->attempts == 0) ++world_.report_.queued;
        }
        for (; const auto done = shard->poll_done(); busy = true) world_.ended(now, *done);
      }
    }
  }

 private:
  void make_sms() {
    sms_host_.reset();
    sms_host_ = std::make_unique<SmsHost>(world_.network_, world_.sms_, kServerNumber, *this, disk_, rng_.next(),
                                          [this](Instant now, const Datagram& datagram) {
                                            watched_.taken(now, datagram);
                                            handle_datagram(now, datagram);
                                            world_.network_.flush(host_);
                                          });
  }

  SleepingWorld& world_;
  SplitMix rng_;
  Instant now_{};
  Network::Host host_ = 0;
  CounterDisk disk_;
  std::map<std::string, const Sleeper*> numbers_;
  std::vector<std::unique_ptr<server::Shard>> shards_;
  Watched watched_{world_.packets_are_taken_once_, kServerNumber};
  std::unique_ptr<SmsHost> sms_host_;
  std::uint64_t refused_ = 0;
};

// ---- the world

SleepingWorld::SleepingWorld(const lwm2m::model::Registry& definitions, const SleepingWorldSettings& settings)
    : definitions_(definitions), settings_(settings), network_(settings.seed), sms_(network_, settings.sms) {
  network_.remember_deadlines();
  network_.on_sent = [this](Instant now, const Transmit& transmit) { sent(now, transmit); };
  fleet_ = std::make_unique<Fleet>(*this);
  for (std::size_t index = 0; index < settings_.devices; ++index) {
    sleepers_.push_back(std::make_unique<Sleeper>(*this, index));
    Sleeper& sleeper = *sleepers_.back();
    by_address_[sleeper.address()] = &sleeper;
    if (sleeper.kind() != Sleeper::Kind::Uq) fleet_->add(sleeper);
  }
}

SleepingWorld::~SleepingWorld() = default;

PeerAddress SleepingWorld::fresh() {
  return PeerAddress::v4(0x0B000000 + ++addresses_, 40000);
}

void SleepingWorld::complain_if(bool wrong, const std::string& what) {
  if (wrong) complaints_.add(network_.now(), what);
}

void SleepingWorld::sent(Instant now, const Transmit& transmit) {
  const auto found = by_address_.find(transmit.to);
  if (found != by_address_.end()) sleep_is_respected_.sent(now, found->second->endpoint(), kDelayMax);
}

void SleepingWorld::ended(Instant now, const server::OperationDone& done) {
  operations_end_once_.done(now, done.ticket);
  if (const auto* outcome = std::get_if<lwm2m::Outcome>(&done.result)) {
    ++report_.done;
    if (lwm2m::is_success(outcome->status)) order_is_kept_.confirmed(done.ticket.value);
  } else {
    ++report_.failed;
  }
}

void SleepingWorld::every(Duration mean, void (SleepingWorld::*action)(Instant)) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(mean).count();
  const Duration wait = std::chrono::milliseconds(1 + network_.rng().below(static_cast<std::uint32_t>(2 * milliseconds)));
  network_.at(network_.now() + wait, [this, mean, action](Instant now) {
    if (healed_) return;
    (this->*action)(now);
    every(mean, action);
  });
}

SleepingWorld::Sleeper& SleepingWorld::some_sleeper() {
  return *sleepers_[network_.rng().below(static_cast<std::uint32_t>(sleepers_.size()))];
}

void SleepingWorld::operation(Instant now) {
  Sleeper& sleeper = some_sleeper();
  const server::Ticket ticket{++tickets_};
  operations_end_once_.asked(ticket);
  ++report_.operations;
  const std::string text = std::to_string(ticket.value);
  server::OperationSettings settings;
  settings.trigger = network_.rng().below(2) == 0;
  lwm2m::Downlink operation = lwm2m::Execute{lwm2m::Path(kTemperature, 0, kReset), "0='" + text + "'"};
  if (network_.rng().below(2) == 0) {
    operation = lwm2m::Write{lwm2m::Path(kLight, 0, kApplicationType), lwm2m::Write::Mode::Replace, lwm2m::format::kText,
                             to_bytes(text)};
  }
  fleet_->operate(now, ticket, sleeper.endpoint(), std::move(operation), settings);
}

void SleepingWorld::fault(Instant now) {
  ++report_.faults;
  Sleeper& sleeper = some_sleeper();
  switch (network_.rng().below(4)) {
    case 0: sleeper.move(); break;
    case 1: sleeper.restart_sms(); break;
    case 2: fleet_->restart_sms(); break;
    default: sleeper.change(now); break;
  }
}

void SleepingWorld::heal() {
  healed_ = true;
  // There and back in less than a request's response_wait: else a Register may be given up again and again.
  SmsLink calm;
  calm.delay_max = std::chrono::minutes(2);
  sms_.set_link(calm);
  for (const auto& sleeper : sleepers_) network_.set_link(sleeper->host(), link::kLan);
}

void SleepingWorld::expect_convergence(Instant now) {
  operations_end_once_.at_end(now);
  order_is_kept_.at_end(now);
  const server::ServerCounters total = fleet_->total();
  for (const auto& sleeper : sleepers_) {
    complain_if(!fleet_->has(sleeper->endpoint()), "the server doesn't know " + sleeper->endpoint());
  }
  complain_if(total.queued != 0, std::to_string(total.queued) + " operations wait for ever");
  complain_if(fleet_->has_gone_back(), "server: counters went back");
  for (const auto& sleeper : sleepers_) {
    complain_if(sleeper->has_gone_back(), sleeper->endpoint() + ": counters went back");
    complain_if(!sleeper->is_registered(), sleeper->endpoint() + " isn't registered");
    report_.refused_packets += sleeper->refused_packets();
  }
  report_.refused_packets += fleet_->refused_packets();
  report_.requeued = total.requeued;
  report_.expired = total.expired;
  report_.triggers = total.triggers;
  report_.triggers_failed = total.triggers_failed;
  report_.fallbacks = total.fallbacks;
}

SleepingWorldReport SleepingWorld::run() {
  for (const auto& sleeper : sleepers_) {
    const auto when = network_.now() + std::chrono::milliseconds(network_.rng().below(600'000));
    network_.at(when, [one = sleeper.get()](Instant now) { one->start(now); });
  }
  every(settings_.operation_every, &SleepingWorld::operation);
  every(settings_.fault_every, &SleepingWorld::fault);
  const Instant end = network_.now() + settings_.length;
  bool lively = network_.run_until(end);
  heal();
  // Two lifetimes: whoever sleeps has come by twice, and what failed by SMS has been tried again.
  const Instant calm = end + std::max<Duration>(2 * std::chrono::seconds(settings_.lifetime), 14h);
  lively = lively && network_.run_until(calm);
  complain_if(!lively, "too much happens: a livelock");
  expect_convergence(calm);
  report_.short_messages = sms_.sent();
  report_.replayed = sms_.replayed();
  report_.altered = sms_.altered();
  report_.taken_packets = packets_are_taken_once_.count();
  report_.trace = network_.trace();
  report_.complaints = complaints_.all();
  return report_;
}

}  // namespace drover::sim

// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign_world.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>

#include "campaign/office.hpp"
#include "client/client.hpp"
#include "client/objects/firmware_object.hpp"
#include "server/local_fleet.hpp"
#include "sim/network.hpp"
#include "store/store_file.hpp"

namespace drover::sim {
namespace {

using namespace std::chrono_literals;
using campaign::Ending;
using campaign::Stage;
using client::FirmwareAction;
using client::FirmwareResult;

constexpr lwm2m::ObjectId kDevice = 3, kFirmware = 5;
constexpr UnixSeconds kEpoch = 1'800'000'000;
constexpr const char* kOld = "1.0";
constexpr const char* kNew = "2.0";
const lwm2m::Path kVersion(kDevice, 0, 3);
const PeerAddress kServerAddress = PeerAddress::v4(0x0A000001, 5683);
constexpr Link kRadio{"campaign", 50ms, 400ms, 30, 10};

enum class Fate {
  Good,
  Sleeps,        ///< queue mode, awake for a while each lifetime
  BadImage,      ///< the check fails
  NoRoom,        ///< storage for less than the image, or the fetch fails with it
  Broken,        ///< the installation fails, always
  BrokenOnce,    ///< and then not
  Restarts,      ///< in the middle of the download
  Forgets,       ///< restarts when it is installed, and its record is gone
  Vanishes,      ///< in the middle of the installation, for good
  Late,          ///< registers a day later
  Never,         ///< is never there
  Current,       ///< has it
};
constexpr std::size_t kFates = 12;

Ending expected(Fate fate) {
  switch (fate) {
    case Fate::BadImage:
    case Fate::NoRoom:
    case Fate::Broken: return Ending::Failed;
    case Fate::Vanishes:
    case Fate::Never: return Ending::Vanished;
    case Fate::Current: return Ending::Skipped;
    default: return Ending::Succeeded;
  }
}

const char* name_of(Fate fate) {
  constexpr const char* kNames[kFates] = {"good",     "sleeps",  "bad-image", "no-room", "broken", "broken-once",
                                          "restarts", "forgets", "vanishes",  "late",    "never",  "current"};
  return kNames[static_cast<std::size_t>(fate)];
}

/// A device with a firmware; its program may end and begin anew, its record stays.
class Box final : public Node, public client::FirmwareSink {
 public:
  Box(Network& network, const lwm2m::model::Registry& definitions, CampaignWorldReport& report, std::size_t index, Fate fate)
      : network_(network),
        definitions_(definitions),
        report_(report),
        fate_(fate),
        endpoint_(std::string(name_of(fate)) + "-" + std::to_string(index)),
        rng_(network.rng().next()),
        address_(PeerAddress::v4(0x0B000000 + static_cast<std::uint32_t>(index), 40000)),
        host_(network.attach(address_, nullptr, kRadio)),
        version_(fate == Fate::Current ? kNew : kOld) {}

  void switch_on(Instant now) {
    now_ = now;
    client::ClientSettings settings;
    settings.endpoint = endpoint_;
    client_ = std::make_unique<client::Client>(settings, rng_);
    object_ = std::make_unique<client::FirmwareObject>(*this, client::FirmwareSettings{{0, 2}});
    for (const lwm2m::ObjectId object : std::initializer_list<lwm2m::ObjectId>{0, 1, kDevice}) client_->define(*definitions_.find(object));
    client_->define(*definitions_.find(kFirmware), object_.get(), client::FirmwareObject::supported());
    object_->attach(client_->tree());
    const client::Context own{now, std::nullopt};
    [[maybe_unused]] bool made = client_->tree().add(own, kDevice, 0).has_value() &&
                                 client_->tree().add(own, kFirmware, 0).has_value() &&
                                 client_->tree().set(own, kVersion, version_).has_value();
    client::AccountWishes wishes;
    wishes.binding = fate_ == Fate::Sleeps ? "UQ" : "U";
    const std::uint32_t lifetime = fate_ == Fate::Sleeps ? 7200 : 3600;
    made = made && client_->add_account(now, 1, "coap://" + kServerAddress.to_string(), lifetime, {}, wishes).has_value();
    assert(made);
    object_->restore(now, record_);
    client_->start(now);
    network_.replace(host_, this);
    network_.flush(host_);
  }
  void switch_off() {
    network_.replace(host_, nullptr);
    object_->detach();
    client_.reset();
    object_.reset();
    ++life_;
  }

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] Fate fate() const { return fate_; }
  [[nodiscard]] const std::string& version() const { return version_; }

  void handle_datagram(Instant now, const Datagram& datagram) override { client_->handle_datagram(now_ = now, datagram); }
  void handle_timeout(Instant now) override {
    now_ = now;
    if (const auto due = object_->deadline(); due && due->at <= now) object_->handle_timeout(now);
    client_->handle_timeout(now);
  }
  std::optional<Transmit> poll_transmit() override { return client_ ? client_->poll_transmit() : std::nullopt; }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    if (!client_) return std::nullopt;
    auto next = client_->deadline();
    if (const auto due = object_->deadline(); due && (!next || due->at < next->at)) next = due;
    return next ? std::optional(next->at) : std::nullopt;
  }
  void after(Instant now) override {
    now_ = now;
    if (!client_) return;
    while (const auto event = client_->poll_event()) {
      if (const auto* wanted = std::get_if<client::ResolveWanted>(&*event)) {
        client_->resolved(now, wanted->server, {kServerAddress});
      } else if (std::holds_alternative<client::Asleep>(*event)) {
        ++report_.sleeps;
      }
    }
    while (const auto action = object_->poll()) work(*action);
    record_ = object_->record();
    if (fate_ == Fate::Restarts && !restarted_ && record_.phase == client::FirmwarePhase::Fetching) restart(30s);
  }

 private:
  using Kind = FirmwareAction::Kind;

  /// What takes its time is done then, if it still runs.
  void later(Duration wait, std::function<void(Instant)> task) {
    network_.at(now_ + wait, [this, life = life_, task = std::move(task)](Instant now) {
      if (life != life_) return;
      now_ = now;
      task(now);
      client_->settle(now);
      network_.flush(host_);
    });
  }
  void restart(Duration off) {
    restarted_ = true;
    ++report_.restarts;
    network_.at(now_ + 1s, [this, life = life_, off](Instant) {
      if (life != life_) return;
      switch_off();
      network_.at(network_.now() + off, [this](Instant now) { switch_on(now); });
    });
  }
  void work(const FirmwareAction& action) {
    switch (action.kind) {
      case Kind::Fetch:
        later(2min, [this, action](Instant now) {
          object_->fetched(now, action.attempt, fate_ == Fate::NoRoom ? FirmwareResult::NoSpace : FirmwareResult::Initial);
        });
        return;
      case Kind::Check:
        later(10s, [this, action](Instant now) {
          const auto result = fate_ == Fate::BadImage ? FirmwareResult::IntegrityFailure : FirmwareResult::Initial;
          object_->checked(now, action.attempt, {result, "app", kNew});
        });
        return;
      case Kind::Install: return install(action);
      case Kind::Confirm:  // behind the restart
        later(1s, [this, action](Instant now) { object_->installed(now, action.attempt, true, kNew); });
        return;
      case Kind::Stop:
      case Kind::Discard: return;
    }
  }
  void install(const FirmwareAction& action) {
    const bool fails = fate_ == Fate::Broken || (fate_ == Fate::BrokenOnce && !restarted_);
    if (fails) {
      restarted_ = true;
      later(1min, [this, action](Instant now) { object_->installed(now, action.attempt, false, ""); });
      return;
    }
    if (fate_ == Fate::Vanishes) {
      later(20s, [this](Instant) { network_.at(network_.now() + 1s, [this](Instant) { switch_off(); }); });
      return;
    }
    ++report_.installs;
    // It begins anew with the new firmware.
    network_.at(now_ + 1min, [this, life = life_](Instant) {
      if (life != life_) return;
      version_ = kNew;
      switch_off();
      if (fate_ == Fate::Forgets) record_ = {};
      ++report_.restarts;
      network_.at(network_.now() + 40s, [this](Instant now) { switch_on(now); });
    });
  }

  // client::FirmwareSink
  Stored begin() override {
    stored_ = 0;
    return {};
  }
  Stored append(ByteView bytes) override {
    constexpr std::size_t kRoom = 2000;
    stored_ += bytes.size();
    if (fate_ == Fate::NoRoom && stored_ > kRoom) return tl::unexpected(FirmwareResult::NoSpace);
    if (fate_ == Fate::Restarts && !restarted_ && stored_ > kRoom) restart(30s);
    return {};
  }
  Stored finish() override { return {}; }
  void discard() override {}

  Network& network_;
  const lwm2m::model::Registry& definitions_;
  CampaignWorldReport& report_;
  Fate fate_;
  std::string endpoint_;
  SplitMix rng_;
  PeerAddress address_;
  Network::Host host_;
  std::string version_;
  Instant now_{};
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::FirmwareObject> object_;
  client::FirmwareRecord record_;
  std::size_t stored_ = 0;
  bool restarted_ = false;
  std::uint64_t life_ = 0;
};

/// The whole server on one host: what a process of it is.
class Site final : public Node {
 public:
  Site(Network& network, const CampaignWorldSettings& settings, const std::string& folder)
      : network_(network), rng_(settings.seed * 31) {
    fleet_ = std::make_unique<server::LocalFleet>(
        settings.shards,
        [this](std::size_t index, server::LocalFleet::Task task) { shard_tasks_.emplace_back(index, std::move(task)); },
        server::OperationId{static_cast<std::uint64_t>(unix_now()) << 20});
    for (std::size_t index = 0; index < settings.shards; ++index) {
      server::ShardConfig config;
      config.index = index;
      config.count = settings.shards;
      shards_.push_back(std::make_unique<server::Shard>(std::move(config), rng_));
      shards_.back()->set_wall_clock(std::chrono::seconds(kEpoch));
    }
    fleet_->on_event([this](const server::Event& event) { office_->handle(event); });
    auto file = store::StoreFile::open(folder + "/store");
    assert(file);
    auto images = campaign::Images::open(*file, folder + "/store.images", {});
    assert(images);
    images_ = std::move(*images);
    campaign::OfficeSettings office;
    office.coap_url = "coap://" + kServerAddress.to_string();
    office_ = std::make_unique<campaign::Office>(
        office, *fleet_, *images_, campaign::CampaignTable(*file), nullptr,
        [this](std::function<void()> task) { tasks_.push_back(std::move(task)); }, [this] { return unix_now(); });
    [[maybe_unused]] const auto loaded = office_->load();
    assert(loaded);
    office_->start();
  }

  campaign::Office& office() { return *office_; }
  void add_image(std::size_t size) {
    auto upload = images_->begin();
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng_.below(256));
    [[maybe_unused]] bool kept = (*upload)->append(bytes).has_value();
    campaign::Image image;
    image.name = "image";
    image.version = kNew;
    kept = images_->finish(**upload, image).has_value();
    assert(kept);
  }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    on_shard(datagram.from.hash() % shards_.size(), [&](server::Shard& shard) { shard.handle_datagram(now, datagram); });
  }
  void handle_timeout(Instant now) override {
    for (std::size_t index = 0; index < shards_.size(); ++index) {
      on_shard(index, [&](server::Shard& shard) { shard.handle_timeout(now); });
    }
    if (const auto at = office_->deadline(); at && *at <= unix_now()) office_->handle_timeout();
  }
  std::optional<Transmit> poll_transmit() override {
    for (const auto& shard : shards_) {
      if (auto transmit = shard->poll_transmit()) return transmit;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Instant> deadline() const override {
    std::optional<Instant> earliest;
    const auto take = [&](Instant at) { earliest = earliest ? std::min(*earliest, at) : at; };
    for (const auto& shard : shards_) {
      if (const auto deadline = shard->deadline()) take(deadline->at);
    }
    if (const auto at = office_->deadline()) take(Instant{} + std::chrono::seconds(*at - kEpoch));
    return earliest;
  }
  /// Both mailboxes, until they are empty.
  void after(Instant now) override {
    for (std::size_t index = 0; index < shards_.size(); ++index) fleet_->collect(index, *shards_[index]);
    while (!tasks_.empty() || !shard_tasks_.empty()) {
      while (!shard_tasks_.empty()) {
        auto [index, task] = std::move(shard_tasks_.front());
        shard_tasks_.pop_front();
        task(*shards_[index], now);
        fleet_->collect(index, *shards_[index]);
      }
      if (tasks_.empty()) continue;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

 private:
  template <class Do>
  void on_shard(std::size_t index, Do work) {
    work(*shards_[index]);
    fleet_->collect(index, *shards_[index]);
  }
  [[nodiscard]] UnixSeconds unix_now() const {
    return kEpoch + std::chrono::duration_cast<std::chrono::seconds>(network_.now().time_since_epoch()).count();
  }

  Network& network_;
  SplitMix rng_;
  std::deque<std::function<void()>> tasks_;
  std::deque<std::pair<std::size_t, server::LocalFleet::Task>> shard_tasks_;
  std::unique_ptr<campaign::Images> images_;
  std::unique_ptr<campaign::Office> office_;
  std::vector<std::unique_ptr<server::Shard>> shards_;
  std::unique_ptr<server::LocalFleet> fleet_;
};

std::string temporary_folder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  const auto base = std::filesystem::is_directory(memory, ignored) ? memory : std::filesystem::temp_directory_path();
  std::string pattern = (base / "drover-world-XXXXXX").string();
  return ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
}

class CampaignWorld {
 public:
  CampaignWorld(const lwm2m::model::Registry& definitions, const CampaignWorldSettings& settings)
      : settings_(settings), network_(settings.seed), folder_(temporary_folder()) {
    network_.remember_deadlines();
    host_ = network_.attach(kServerAddress, nullptr, link::kLan);
    for (std::size_t index = 0; index < settings.devices; ++index) {
      // A third goes well, the others share what is left.
      const auto fate = static_cast<Fate>(index % 3 == 0 ? 0 : network_.rng().below(kFates));
      boxes_.push_back(std::make_unique<Box>(network_, definitions, report_, index, fate));
    }
    start_server();
  }
  ~CampaignWorld() {
    site_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  CampaignWorldReport run() {
    for (const auto& box : boxes_) {
      if (box->fate() == Fate::Never) continue;
      Duration wait = std::chrono::milliseconds(network_.rng().below(300'000));
      if (box->fate() == Fate::Late) wait += 24h;
      network_.at(network_.now() + wait, [one = box.get()](Instant now) { one->switch_on(now); });
    }
    network_.at(network_.now() + 2min, [this](Instant) { create(); });
    for (std::size_t i = 0; i < settings_.kills; ++i) {
      // In the thick of it: most of the work is in the first hours.
      const Duration when = 3min + std::chrono::seconds(network_.rng().below(i % 2 == 0 ? 1800 : 36'000));
      network_.at(network_.now() + when, [this](Instant) { kill(); });
    }
    watch();
    const Instant end = network_.now() + settings_.length;
    while (network_.now() < end && report_.head.state != campaign::State::Done) {
      if (!network_.run_until(network_.now() + 1h, 50'000'000)) complain("a livelock");
      look([this](const campaign::CampaignView& view) { report_.head = view.head; });
    }
    expect_the_right_ends();
    report_.trace = network_.trace();
    return report_;
  }

 private:
  void complain(const std::string& what) { report_.complaints.push_back(what); }
  void start_server() {
    site_ = std::make_unique<Site>(network_, settings_, folder_);
    network_.replace(host_, site_.get());
    network_.flush(host_);
  }
  void kill() {
    ++report_.kills;
    network_.replace(host_, nullptr);
    site_.reset();
    network_.at(network_.now() + 20s, [this](Instant) { start_server(); });
  }
  void create() {
    site_->add_image(settings_.image_bytes);
    campaign::NewCampaign wanted;
    wanted.order.name = "world";
    wanted.order.image = "image";
    wanted.order.method = settings_.method;
    wanted.order.parallel = settings_.parallel;
    wanted.order.limits.reach = 2 * 86400;
    wanted.asked_by = "the world";
    for (const auto& box : boxes_) wanted.selection.endpoints.push_back(box->endpoint());
    site_->office().create(std::move(wanted), [this](const campaign::Answer<campaign::CampaignView>& view) {
      if (!view) return complain("no campaign: " + view.error().reason);
      id_ = view->head.id;
    });
    network_.flush(host_);
  }
  /// The limit is kept at every moment that is looked at.
  void watch() {
    network_.at(network_.now() + 20s, [this](Instant) {
      look([this](const campaign::CampaignView& view) {
        std::size_t sum = 0;
        for (auto stage = Stage::Transferring; stage <= Stage::Verifying; stage = static_cast<Stage>(static_cast<int>(stage) + 1)) {
          sum += view.tally.of(stage);
        }
        report_.most_at_once = std::max(report_.most_at_once, sum);
        if (sum > settings_.parallel) complain(std::to_string(sum) + " devices at once");
      });
      watch();
    });
  }
  void look(std::function<void(const campaign::CampaignView&)> found) {
    if (!site_ || id_ == campaign::CampaignId{}) return;
    site_->office().find(id_, [found = std::move(found)](const campaign::Answer<campaign::CampaignView>& view) {
      if (view) found(*view);
    });
    network_.flush(host_);
  }
  void expect_the_right_ends() {
    look([this](const campaign::CampaignView& view) {
      report_.head = view.head;
      report_.tally = view.tally;
    });
    if (report_.head.state != campaign::State::Done) complain(std::string("the campaign is ") + to_string(report_.head.state));
    std::map<std::string, campaign::Device> rows;
    for (std::string after;;) {
      campaign::DevicesPage page;
      campaign::DevicesQuery query;
      query.after = after;
      site_->office().devices(id_, query, [&](const campaign::Answer<campaign::DevicesPage>& answer) { page = *answer; });
      network_.flush(host_);
      for (const campaign::Device& device : page.devices) rows[device.endpoint] = device;
      if (page.next.empty()) break;
      after = page.next;
    }
    for (const auto& box : boxes_) {
      const campaign::Device& row = rows[box->endpoint()];
      const std::string what = box->endpoint() + ": " + to_string(row.stage) + " " + to_string(row.ending) + ", " + row.reason;
      if (row.ending != expected(box->fate())) complain(what);
      if (row.ending == Ending::Succeeded && box->version() != kNew) complain(what + "; but it runs " + box->version());
      if (row.ending == Ending::Failed && row.reason.find('(') == std::string::npos) complain(what + "; without its result");
    }
  }

  CampaignWorldSettings settings_;
  Network network_;
  std::string folder_;
  CampaignWorldReport report_;
  std::vector<std::unique_ptr<Box>> boxes_;
  std::unique_ptr<Site> site_;
  Network::Host host_ = 0;
  campaign::CampaignId id_{};
};

}  // namespace

CampaignWorldReport run_campaign_world(const lwm2m::model::Registry& definitions, const CampaignWorldSettings& settings) {
  return CampaignWorld(definitions, settings).run();
}

}  // namespace drover::sim

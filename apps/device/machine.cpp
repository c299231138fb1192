// SPDX-License-Identifier: Apache-2.0
#include "apps/device/machine.hpp"

#include <cstdlib>
#include <utility>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "sdk/local_address.hpp"

namespace drover::device {

namespace {

constexpr Duration kRefreshMin = std::chrono::seconds(1);

/// Of the first server that has an address in use.
std::optional<std::string> own_address(sdk::Runtime& runtime) {
  for (const client::AccountView& account : runtime.client().accounts()) {
    if (!account.peer) continue;
    if (const auto own = sdk::local_address_towards(*account.peer)) return machine::host_of(*own);
  }
  return std::nullopt;
}

machine::Choice choice_of(const MachineConfig& config) {
  return {config.objects, config.refresh, config.cellular};
}

machine::Sources sources_of(const MachineConfig& config, sdk::Runtime& runtime) {
  machine::Sources sources;
  sources.own_address = [&runtime] { return own_address(runtime); };
  sources.storage = [folder = config.storage] { return machine::read_storage(folder); };
  sources.utc_offset = [] { return machine::utc_offset_at(io::unix_now()); };
  if (const char* tz = std::getenv("TZ")) sources.tz = tz;
  return sources;
}

}  // namespace

void read_machine(Section section, MachineConfig& config) {
  if (const auto objects = section.numbers("objects", 0, 65534)) {
    config.objects.clear();
    for (const std::int64_t object : *objects) {
      if (object != 3 && object != 4 && object != 7) {
        section.refuse("objects",
                       "objects takes a list of 3 (Device), 4 (Connectivity Monitoring) and 7 (Connectivity "
                       "Statistics)");
      }
      config.objects.insert(static_cast<lwm2m::ObjectId>(object));
    }
  }
  if (const auto refresh = section.duration("refresh")) {
    if (*refresh < kRefreshMin) section.refuse("refresh", "refresh takes \"1s\" or more");
    config.refresh = *refresh;
  }
  if (auto storage = section.filled_text("storage")) {
    if (!machine::read_storage(*storage)) section.refuse("storage", "\"" + *storage + "\" isn't a folder to be read");
    config.storage = std::move(*storage);
  }
  if (const auto cellular = section.number("cellular", 0, client::ConnectivityObject::kCellularMax)) {
    config.cellular = *cellular;
  }
  if (const auto gpsd = section.filled_text("gpsd")) {
    config.gpsd = transport::PeerAddress::parse(*gpsd);
    if (!config.gpsd) {
      section.refuse("gpsd", "gpsd \"" + *gpsd + "\": write ADDRESS:PORT, such as 127.0.0.1:2947 or [::1]:2947");
    }
  }
  section.finish();
}

Machine::Machine(const MachineConfig& config, sdk::Runtime& runtime, Add add)
    : config_(config),
      runtime_(runtime),
      add_(std::move(add)),
      values_(choice_of(config), sources_of(config, runtime)) {
  waker_ = runtime_.loop().add_waker([this] { return values_.deadline(); },
                                     [this](Instant now) {
                                       values_.refresh(now);
                                       runtime_.flush();
                                     });
}

Machine::~Machine() {
  runtime_.loop().remove_waker(waker_);
}

void Machine::attach(bool anew) {
  values_.attach(runtime_.client(), io::now(), anew);
}

void Machine::start() {
  if (!config_.gpsd) return;
  machine::Gpsd::Listener listener;
  listener.fix = [this](const client::Fix& fix) { place(fix); };
  listener.works = [this](bool works) {
    values_.positioning_works(io::now(), works);
    runtime_.flush();
  };
  gpsd_.emplace(runtime_.loop(), *config_.gpsd, std::move(listener));
}

void Machine::place(const client::Fix& fix) {
  const lwm2m::Path instance(client::location::kObject, 0);
  if (!runtime_.client().tree().has(instance)) {
    if (auto added = add_(instance.object(), instance.instance()); !added) {
      io::log::warn("location", {{"reason", added.error().reason}});
      return;
    }
  }
  values_.put(io::now(), fix);
  runtime_.flush();
}

}  // namespace drover::device

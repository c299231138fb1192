// SPDX-License-Identifier: Apache-2.0
#include "firmware/updater.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/uri.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"

namespace drover::firmware {

using client::FirmwareAction;
using client::FirmwareFinding;
using client::FirmwarePhase;
using client::FirmwareResult;

namespace {

client::FirmwareSettings object_settings(const UpdaterSettings& settings) {
  client::FirmwareSettings result;
  // coap, coaps, http, https: what drover-fetch knows (apps/fetch).
  const bool fetches = !settings.fetch_program.empty() && ::access(settings.fetch_program.c_str(), X_OK) == 0;
  if (fetches) result.protocols = {0, 1, 2, 3};
  result.push_lifetime = settings.push_lifetime;
  return result;
}

}  // namespace

Updater::Updater(io::EventLoop& loop, UpdaterSettings settings, std::function<void()> changed)
    : loop_(loop),
      settings_(std::move(settings)),
      changed_(std::move(changed)),
      store_(settings_.folder, settings_.size_max),
      object_(store_, object_settings(settings_)) {
  const auto next = [this]() -> std::optional<Instant> {
    if (object_.has_actions() || object_.record() != saved_.record) return Instant{};  // at once
    const auto due = object_.deadline();
    return due ? std::optional(due->at) : std::nullopt;
  };
  waker_ = loop_.add_waker(next, [this](Instant now) {
    object_.handle_timeout(now);
    run(now);
  });
}

Updater::~Updater() {
  loop_.remove_waker(waker_);
}

Result<void> Updater::resume(Instant now) {
  auto loaded = load_saved_update(state_file());
  if (!loaded) return tl::unexpected(loaded.error());
  if (!*loaded) return {};
  on_disk_ = saved_ = **loaded;
  client::FirmwareRecord record = saved_.record;
  const bool needs_image = record.phase == FirmwarePhase::Checking || record.phase == FirmwarePhase::Downloaded;
  if (needs_image && !store_.has_image()) {
    io::log::warn("firmware image is gone", {{"file", store_.image_file()}});
    record.phase = FirmwarePhase::Idle;
    record.result = FirmwareResult::IntegrityFailure;
  }
  if (record.phase != FirmwarePhase::Idle) {
    io::log::info("firmware update goes on", {{"phase", to_string(record.phase)}});
  }
  object_.restore(now, record);
  return {};
}

void Updater::run(Instant now) {
  while (const auto action = object_.poll()) perform(now, *action);
  save();
  changed_();
}

void Updater::save() {
  const client::FirmwareRecord& record = object_.record();
  if (record != saved_.record) {
    io::log::info("firmware", {{"phase", to_string(record.phase)}, {"result", static_cast<int>(record.result)}});
    saved_.record = record;
  }
  if (record.phase != FirmwarePhase::Fetching) {
    saved_.etag.clear();
    saved_.size.reset();
    saved_.offset = 0;
  }
  if (saved_ == on_disk_) return;
  on_disk_ = saved_;  // also when it fails: trying again at once would fail again
  auto done = store_.make_folder();
  if (done) done = write_atomically(state_file(), to_text(saved_));
  if (!done) io::log::warn("firmware state isn't saved", {{"reason", done.error().reason}});
}

void Updater::perform(Instant now, const FirmwareAction& action) {
  save();  // a restart from here on goes on with this action
  switch (action.kind) {
    case FirmwareAction::Kind::Fetch: return fetch(now, action);
    case FirmwareAction::Kind::Check: return check(now, action.attempt);
    case FirmwareAction::Kind::Install: return install(now, action.attempt);
    case FirmwareAction::Kind::Confirm: return confirm(now, action.attempt);
    case FirmwareAction::Kind::Stop:
      fetcher_.reset();
      hook_.reset();
      return;
    case FirmwareAction::Kind::Discard: return store_.discard();
  }
}

void Updater::fetch(Instant now, const FirmwareAction& action) {
  if (!action.resume) {
    store_.discard();
    saved_.etag.clear();
    saved_.size.reset();
    saved_.offset = 0;
  }
  const auto done = [this, attempt = action.attempt](FirmwareResult result, const std::string& reason) {
    fetcher_.reset();
    if (result == FirmwareResult::Initial) {
      if (auto stored = store_.finish_fetched(); !stored) result = stored.error();
    } else {
      io::log::warn("firmware fetch", {{"result", static_cast<int>(result)}, {"reason", reason}});
    }
    const Instant at = io::now();
    object_.fetched(at, attempt, result);
    run(at);
  };
  Result<std::unique_ptr<Fetcher>> started;
  if (auto made = store_.make_folder(); !made) {
    started = tl::unexpected(made.error());
  } else {
    Fetcher::Order order{settings_.fetch_program,
                         action.uri,
                         store_.fetched_file(),
                         std::min(saved_.offset, store_.fetched_size()),
                         saved_.etag,
                         settings_.size_max,
                         std::nullopt,
                         settings_.fetch_patience};
    const auto uri = parse_uri(action.uri);
    if (uri && uri->scheme == "coaps" && settings_.keys_for) order.keys = settings_.keys_for(uri->host);
    const auto representation = [this](const std::string& etag, std::optional<std::uint64_t> size) {
      saved_.etag = etag;
      saved_.size = size;
    };
    const auto progress = [this](std::uint64_t offset) {
      saved_.offset = offset;
      save();
    };
    started = Fetcher::start(loop_, order, {representation, progress, done});
  }
  if (started) {
    fetcher_ = std::move(*started);
    return;
  }
  io::log::error("firmware fetch can't be started", {{"reason", started.error().reason}});
  object_.fetched(now, action.attempt, FirmwareResult::NoSpace);
}

void Updater::start_hook(Instant now, const char* name, const std::string& command,
                         std::function<void(Instant, const Hook::Report&)> done) {
  const client::FirmwareRecord& record = object_.record();
  Hook::Order order;
  order.command = command;
  order.environment = {"DROVER_FIRMWARE_FILE=" + store_.image_file(), "DROVER_FIRMWARE_URI=" + record.uri,
                       "DROVER_FIRMWARE_NAME=" + record.name, "DROVER_FIRMWARE_VERSION=" + record.version,
                       "DROVER_FIRMWARE_FOLDER=" + store_.folder()};
  order.folder = settings_.command_folder;
  order.timeout = settings_.command_timeout;
  // What changes the system must not be cut off because it restarts this program.
  order.outlives_us = record.phase == FirmwarePhase::Installing;
  if (order.outlives_us) order.log_file = store_.folder() + "/" + name + ".log";
  if (name == std::string_view("install")) order.exit_file = exit_file();
  const auto finished = [this, name, done](const Hook::Report& report) {
    hook_.reset();
    if (!report.exit.is_success()) {
      io::log::warn("firmware hook failed",
                    {{"hook", name}, {"exit", report.exit.to_string()}, {"output", report.tail}});
    }
    const Instant at = io::now();
    done(at, report);
    run(at);
  };
  auto started = Hook::start(loop_, order, finished);
  if (started) {
    hook_ = std::move(*started);
    return;
  }
  Hook::Report failed;
  failed.exit.code = 127;  // as a shell says that it can't run a command
  io::log::error("firmware hook can't be started", {{"hook", name}, {"reason", started.error().reason}});
  done(now, failed);
}

void Updater::check(Instant now, std::uint64_t attempt) {
  if (settings_.check.empty()) return object_.checked(now, attempt, {});
  start_hook(now, "check", settings_.check, [this, attempt](Instant at, const Hook::Report& report) {
    constexpr int kUnsupported = 6;
    FirmwareFinding finding{FirmwareResult::Initial, report.name, report.version};
    if (!report.exit.is_success()) {
      finding.result =
          report.exit.code == kUnsupported ? FirmwareResult::UnsupportedPackage : FirmwareResult::IntegrityFailure;
    }
    object_.checked(at, attempt, finding);
  });
}

void Updater::install(Instant now, std::uint64_t attempt) {
  ::unlink(exit_file().c_str());
  if (settings_.install.empty()) {
    io::log::warn("firmware can't be installed", {{"reason", "no install command is configured"}});
    return finish_install(now, attempt, false, {});
  }
  start_hook(now, "install", settings_.install, [this, attempt](Instant at, const Hook::Report& report) {
    if (!report.exit.is_success()) return undo(at, attempt);
    finish_install(at, attempt, true, report.version);
  });
}

void Updater::confirm(Instant now, std::uint64_t attempt) {
  if (settings_.confirm.empty()) {
    int code = -1;
    std::ifstream(exit_file()) >> code;
    if (code != 0) return undo(now, attempt);
    return finish_install(now, attempt, true, {});
  }
  start_hook(now, "confirm", settings_.confirm, [this, attempt](Instant at, const Hook::Report& report) {
    if (!report.exit.is_success()) return undo(at, attempt);
    finish_install(at, attempt, true, report.version);
  });
}

void Updater::undo(Instant now, std::uint64_t attempt) {
  if (settings_.rollback.empty()) return finish_install(now, attempt, false, {});
  start_hook(now, "rollback", settings_.rollback,
             [this, attempt](Instant at, const Hook::Report&) { finish_install(at, attempt, false, {}); });
}

void Updater::finish_install(Instant now, std::uint64_t attempt, bool success, const std::string& version) {
  const std::string installed = version.empty() ? object_.record().version : version;
  if (success) saved_.installed_version = installed;
  object_.installed(now, attempt, success, installed);
}

}  // namespace drover::firmware

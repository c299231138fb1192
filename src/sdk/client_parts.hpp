// SPDX-License-Identifier: Apache-2.0
// What is behind drover::Client.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <vector>

#include "drover/client.hpp"
#include "drover/objects/device.hpp"
#include "drover/objects/lwm2m_security.hpp"
#include "drover/objects/lwm2m_server.hpp"
#include "lwm2m/model/registry.hpp"
#include "sdk/definitions.hpp"
#include "sdk/host.hpp"
#include "sdk/program.hpp"

namespace drover {

/// Where the client is driven, but for what is atomic.
struct Client::Impl {
  /// Throws std::invalid_argument for settings that can't be.
  Impl(Settings wanted, std::unique_ptr<sdk::Host> by);
  /// The client goes before what it borrows: the program's objects.
  ~Impl() { host.reset(); }

  /// Where the client is driven; waits, and throws what the task throws.
  void call(const std::function<void()>& task);
  void happened(const client::ClientEvent& event);
  /// Whoever waits for an Update.
  void answer(bool acknowledged);
  void add_accounts();
  void define_own_objects();

  Settings settings;
  // Outlive the client.
  lwm2m::model::ObjectDefinition security = sdk::to_core(definition<0>::object);
  lwm2m::model::ObjectDefinition server = sdk::to_core(definition<1>::object);
  lwm2m::model::ObjectDefinition device = sdk::to_core(definition<3>::object);
  lwm2m::model::Registry defined;  ///< by Client::define()
  std::unique_ptr<sdk::Host> host;
  sdk::Program program;
  std::set<client::ServerId> registrations;
  std::vector<std::promise<bool>> waiting;
  bool is_offline = false;
  std::atomic<bool> is_registered = false;
};

}  // namespace drover

// SPDX-License-Identifier: Apache-2.0
// The Bootstrap-Server on a thread, with its sockets, plans and keys.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bootstrap/desk.hpp"
#include "config.hpp"
#include "credential_store.hpp"
#include "lwm2m/model/registry.hpp"
#include "provision/key_keeper.hpp"
#include "store/credential_service.hpp"

namespace drover::droverd {

/// What waits for a disk or a name service is done on the credential service's thread; so is the book of plans that
/// administrators see. The Bootstrap-Server has its own copy on its own thread.
class BootstrapThread final : public bootstrap::Desk {
 public:
  /// Opens the sockets and reads the plans, those of the store and those of files; no thread runs before start(). All
  /// outlive it, `service` but for stop(). An error names the file or the address.
  static Result<std::unique_ptr<BootstrapThread>> open(const Config& config, const CredentialStore& credentials,
                                                       store::CredentialService& service,
                                                       const lwm2m::model::Registry& registry);
  ~BootstrapThread() override;
  BootstrapThread(const BootstrapThread&) = delete;
  BootstrapThread& operator=(const BootstrapThread&) = delete;

  [[nodiscard]] std::optional<transport::PeerAddress> local() const;
  [[nodiscard]] std::optional<transport::PeerAddress> secure_local() const;
  void start();
  /// Ends and joins the thread. What waits isn't answered.
  void stop();
  /// Thread-safe: looks at the credentials of associations again.
  void credentials_changed();
  /// What keys are made with, of the files of [bootstrap]; `server` is what the LwM2M Server proves itself with.
  static Result<provision::KeyKeeper::Settings> read_keys(const BootstrapConfig& config, const CredentialStore& credentials,
                                                          security::ServerCredentials server);
  /// Thread-safe: goes on with these keys, and with the plans as they stand in `plan_files` now.
  void renew(provision::KeyKeeper::Settings keys, std::vector<std::string> plan_files);

  // bootstrap::Desk
  void plans(Done<std::vector<bootstrap::PlanView>> done) override;
  void plan(std::string name, Done<std::optional<bootstrap::PlanView>> done) override;
  void put_plan(std::string name, Secret<std::string> json, Done<bootstrap::DeskAnswer<bootstrap::PlanView>> done) override;
  void remove_plan(std::string name, Done<bootstrap::DeskAnswer<bootstrap::PlanView>> done) override;
  void choose(std::string endpoint, Done<std::optional<bootstrap::PlanView>> done) override;
  void sessions(bootstrap::SessionQuery query, Done<bootstrap::SessionPage> done) override;
  void session(bootstrap::SessionId id, Done<std::optional<bootstrap::SessionView>> done) override;
  void end(bootstrap::SessionId id, Done<bool> done) override;
  void start(std::string endpoint, std::string uri, Done<bootstrap::DeskAnswer<bootstrap::SessionId>> done) override;
  void counters(Done<bootstrap::ServerCounters> done) override;
  void on_event(std::function<void(const bootstrap::DeskEvent&)> sink) override;

 private:
  struct Worker;
  BootstrapThread();

  std::unique_ptr<Worker> worker_;
};

}  // namespace drover::droverd

// SPDX-License-Identifier: Apache-2.0
// The REST API and event stream of docs/openapi.json, on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/authority.hpp"
#include "api/backup_desk.hpp"
#include "api/health.hpp"
#include "api/http.hpp"
#include "api/metrics.hpp"
#include "api/model_shelf.hpp"
#include "api/sms_carrier.hpp"
#include "audit/trail.hpp"
#include "base/result.hpp"
#include "bootstrap/desk.hpp"
#include "events/hub.hpp"
#include "history/archive.hpp"
#include "campaign/desk.hpp"
#include "jobs/desk.hpp"
#include "lwm2m/model/registry.hpp"
#include "server/fleet.hpp"
#include "sinks/sink_list.hpp"
#include "store/credential_list.hpp"
#include "store/sms_account_list.hpp"

namespace drover::api {

/// One row of the routing table.
struct RouteView {
  std::string method;
  std::string path;                     ///< as in docs/openapi.json
  std::optional<Role> role;             ///< nothing: everybody, also without a token
  std::vector<std::string> parameters;  ///< of the query
};

class Api {
 public:
  struct Settings {
    std::vector<std::string> listen{"127.0.0.1:8080"};  ///< see parse_listen_address() and check_listen_address()
    /// PEM files for https, both or none.
    std::string certificate;
    std::string private_key;
    /// Who may do what; without it there are no tokens until one is added, and they are gone with the Api.
    std::shared_ptr<Authority> authority;
    /// What devices prove themselves with; outlives the Api. nullptr: its routes say that there is no store.
    store::CredentialList* credentials = nullptr;
    /// The Bootstrap-Server; outlives the Api, which takes its event sink. nullptr: its routes say that there is none.
    bootstrap::Desk* bootstrap = nullptr;
    /// The numbers of devices; outlives the Api. nullptr: its routes say that there is no store.
    store::SmsAccountList* sms_accounts = nullptr;
    /// Outlives the Api. nullptr: its route says that there is no SMS.
    SmsCarrier* sms = nullptr;
    std::uint32_t rate = 0;   ///< requests of one token a second, of one address while the API is open; 0: any number
    std::uint32_t burst = 1;  ///< and at once
    /// Stored values; outlives the Api. nullptr: its routes say that none are kept.
    history::Archive* history = nullptr;
    /// Images and campaigns; outlives the Api. nullptr: their routes say that there is no store.
    campaign::Desk* campaigns = nullptr;
    /// Where events go; outlives the Api. nullptr: there are no sinks.
    sinks::SinkList* sinks = nullptr;
    /// What /readyz asks besides the fleet; each outlives the Api.
    std::vector<HealthSource*> health = {};
    bool metrics_open = false;  ///< /metrics needs no token on this machine, see Gate
    /// Bulk operations, rules and tags; outlives the Api. nullptr: their routes say that there are none.
    jobs::Desk* jobs = nullptr;
    ModelShelf* models = nullptr;   ///< outlives the Api; nullptr: nobody brings object definitions
    BackupDesk* backups = nullptr;  ///< outlives the Api; nullptr: nothing is kept
    /// Who changed what; outlives the Api. nullptr: the Api's own, which ends with it.
    audit::Trail* audit = nullptr;
    /// How the thread that writes to disk is doing; empty without one. Thread-safe, as long as the Api is there.
    std::function<StoreFigures()> store = {};
    http::Limits http;
    /// What happens, for streams. nullptr: the Api's own, which takes the event sinks of fleet and desk.
    std::shared_ptr<events::Hub> hub;
    events::Hub::Limits events;  ///< of its own hub
    std::string version;         ///< of the program, for /api/v1/status
    UnixSeconds started_at = 0;  ///< also what tells this run's event ids from another's
  };

  /// Binds and listens. Fault::Us in an error means a wrong setting,
  /// Fault::Environment a port that isn't free. Fleet and registry outlive the Api; their threads may still call
  /// back while it ends.
  static Result<Api> open(const Settings& settings, server::Fleet& fleet, const lwm2m::model::Registry& registry);
  Api(Api&&) noexcept;
  ~Api();

  /// "127.0.0.1:8080", with the port that was chosen.
  [[nodiscard]] std::vector<std::string> addresses() const;
  /// "https://127.0.0.1:8443", in the same order.
  [[nodiscard]] std::vector<std::string> urls() const;
  void start();
  /// Reads certificate and key again, for the connections to come; until when the certificate is valid, 0 when there is
  /// none. An error leaves all as it was. Thread-safe.
  Result<UnixSeconds> reload_certificate();
  /// Thread-safe: requests of one caller a second and at once, see Settings.
  void set_rate(std::uint32_t rate, std::uint32_t burst);
  /// Answers what is pending with 503, ends the streams and joins the thread.
  void stop();

  static std::vector<RouteView> routes();

 private:
  struct Parts;
  explicit Api(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace drover::api

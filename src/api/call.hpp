// SPDX-License-Identifier: Apache-2.0
// What a route's handler gets, and what all of them share. For api/ alone.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/authority.hpp"
#include "api/backup_desk.hpp"
#include "api/event_stream.hpp"
#include "api/health.hpp"
#include "api/http.hpp"
#include "api/metrics.hpp"
#include "api/model_shelf.hpp"
#include "api/problem.hpp"
#include "api/sms_carrier.hpp"
#include "api/target.hpp"
#include "api/views.hpp"
#include "audit/trail.hpp"
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

/// Waiting for the server's own threads, not for a device: far more than they take when they are well.
inline constexpr std::chrono::seconds kServerWait{10};

/// What one CoAP option holds as text (RFC 7252 §5.10): no endpoint name is longer, and no text of an operation may be.
inline constexpr std::size_t kOptionTextMax = 255;

/// Shared by all calls and by callbacks that come late; the fleet and the registry outlive it.
struct State {
  server::Fleet& fleet;
  const lwm2m::model::Registry& registry;
  std::shared_ptr<Authority> authority;
  std::shared_ptr<events::Hub> events;
  std::string version;
  UnixSeconds started_at = 0;
  std::function<std::size_t()> streams;
  std::function<void()> wake_streams;
  store::CredentialList* credentials = nullptr;   ///< outlives the Api; nullptr without a store
  bootstrap::Desk* bootstrap = nullptr;           ///< outlives the Api; nullptr without a Bootstrap-Server
  store::SmsAccountList* sms_accounts = nullptr;  ///< outlives the Api; nullptr without a store
  SmsCarrier* sms = nullptr;                      ///< outlives the Api; nullptr without a carrier
  history::Archive* history = nullptr;            ///< outlives the Api; nullptr where no values are kept
  campaign::Desk* campaigns = nullptr;            ///< outlives the Api; nullptr without a store
  sinks::SinkList* sinks = nullptr;               ///< outlives the Api; nullptr: there are none
  std::vector<HealthSource*> health = {};         ///< each outlives the Api
  // On the server's thread.
  std::function<http::ServerFigures()> http = {};
  RequestCounters requests = {};
  jobs::Desk* jobs = nullptr;                     ///< outlives the Api; nullptr without one
  ModelShelf* models = nullptr;                   ///< outlives the Api; nullptr: the registry stays as it is
  BackupDesk* backups = nullptr;                  ///< outlives the Api; nullptr without a store
  audit::Trail* audit = nullptr;                  ///< never null once the server runs
  std::function<StoreFigures()> store = {};       ///< empty without one
};

/// One request that found its route.
struct Call {
  std::shared_ptr<State> state;
  http::Request request;
  http::Responder responder;
  Target target;
  std::string endpoint;  ///< of {endpoint}
  std::string rest;      ///< of {path} or {id}

  void answer(const Json& body, unsigned status = 200) const;
  void refuse(const Problem& problem) const { responder.answer(to_response(problem)); }
};

/// 503 for who has waited longer than kServerWait.
http::Response slow_server();

// One a route, see the table in routes.cpp. They run on the HTTP thread and don't block.
void list_devices(const std::shared_ptr<Call>& call);
void get_device(const std::shared_ptr<Call>& call);
void list_observations(const std::shared_ptr<Call>& call);
void list_objects(const std::shared_ptr<Call>& call);
void get_object(const std::shared_ptr<Call>& call);
void add_objects(const std::shared_ptr<Call>& call);
void remove_object(const std::shared_ptr<Call>& call);
void get_backup(const std::shared_ptr<Call>& call);
void make_backup(const std::shared_ptr<Call>& call);
void get_backup_file(const std::shared_ptr<Call>& call);
void remove_backup(const std::shared_ptr<Call>& call);
void get_status(const std::shared_ptr<Call>& call);
void get_health(const std::shared_ptr<Call>& call);
void get_ready(const std::shared_ptr<Call>& call);
void get_metrics(const std::shared_ptr<Call>& call);
void get_openapi(const std::shared_ptr<Call>& call);
void get_console(const std::shared_ptr<Call>& call);
void open_events(const std::shared_ptr<Call>& call);
void list_audit(const std::shared_ptr<Call>& call);
void get_caller(const std::shared_ptr<Call>& call);
void list_tokens(const std::shared_ptr<Call>& call);
void add_token(const std::shared_ptr<Call>& call);
void remove_token(const std::shared_ptr<Call>& call);

void list_credentials(const std::shared_ptr<Call>& call);
void add_credential(const std::shared_ptr<Call>& call);
void import_credentials(const std::shared_ptr<Call>& call);
void get_credential(const std::shared_ptr<Call>& call);
void change_credential(const std::shared_ptr<Call>& call);
void remove_credential(const std::shared_ptr<Call>& call);
void rotate_credential(const std::shared_ptr<Call>& call);

void get_sms(const std::shared_ptr<Call>& call);
void list_numbers(const std::shared_ptr<Call>& call);
void add_number(const std::shared_ptr<Call>& call);
void get_number(const std::shared_ptr<Call>& call);
void change_number(const std::shared_ptr<Call>& call);
void remove_number(const std::shared_ptr<Call>& call);

void list_values(const std::shared_ptr<Call>& call);
void get_values(const std::shared_ptr<Call>& call);
void forget_values(const std::shared_ptr<Call>& call);
void get_history(const std::shared_ptr<Call>& call);
void get_all_history(const std::shared_ptr<Call>& call);
void list_sinks(const std::shared_ptr<Call>& call);
void get_sink(const std::shared_ptr<Call>& call);
void test_sink(const std::shared_ptr<Call>& call);
void list_tags(const std::shared_ptr<Call>& call);
void get_tags(const std::shared_ptr<Call>& call);
void put_tags(const std::shared_ptr<Call>& call);
void remove_tags(const std::shared_ptr<Call>& call);

void list_bulks(const std::shared_ptr<Call>& call);
void add_bulk(const std::shared_ptr<Call>& call);
void get_bulk(const std::shared_ptr<Call>& call);
void list_bulk_devices(const std::shared_ptr<Call>& call);
void pause_bulk(const std::shared_ptr<Call>& call);
void resume_bulk(const std::shared_ptr<Call>& call);
void cancel_bulk(const std::shared_ptr<Call>& call);
void retry_bulk(const std::shared_ptr<Call>& call);
void remove_bulk(const std::shared_ptr<Call>& call);

void list_rules(const std::shared_ptr<Call>& call);
void get_rule(const std::shared_ptr<Call>& call);
void put_rule(const std::shared_ptr<Call>& call);
void remove_rule(const std::shared_ptr<Call>& call);
void list_rule_devices(const std::shared_ptr<Call>& call);

void list_plans(const std::shared_ptr<Call>& call);
void get_plan(const std::shared_ptr<Call>& call);
void put_plan(const std::shared_ptr<Call>& call);
void remove_plan(const std::shared_ptr<Call>& call);
void validate_plan(const std::shared_ptr<Call>& call);
void dry_run_plan(const std::shared_ptr<Call>& call);
void list_sessions(const std::shared_ptr<Call>& call);
void get_session(const std::shared_ptr<Call>& call);
void start_session(const std::shared_ptr<Call>& call);
void end_session(const std::shared_ptr<Call>& call);

void list_images(const std::shared_ptr<Call>& call);
void get_image(const std::shared_ptr<Call>& call);
void get_image_content(const std::shared_ptr<Call>& call);
void put_image(const std::shared_ptr<Call>& call);
void remove_image(const std::shared_ptr<Call>& call);

void list_campaigns(const std::shared_ptr<Call>& call);
void create_campaign(const std::shared_ptr<Call>& call);
void get_campaign(const std::shared_ptr<Call>& call);
void list_campaign_devices(const std::shared_ptr<Call>& call);
void pause_campaign(const std::shared_ptr<Call>& call);
void resume_campaign(const std::shared_ptr<Call>& call);
void cancel_campaign(const std::shared_ptr<Call>& call);
void retry_campaign(const std::shared_ptr<Call>& call);
void remove_campaign(const std::shared_ptr<Call>& call);

void read(const std::shared_ptr<Call>& call);
void write_replace(const std::shared_ptr<Call>& call);
void write_update(const std::shared_ptr<Call>& call);
void create(const std::shared_ptr<Call>& call);
void remove(const std::shared_ptr<Call>& call);
void execute(const std::shared_ptr<Call>& call);
void discover(const std::shared_ptr<Call>& call);
void write_attributes(const std::shared_ptr<Call>& call);
void observe(const std::shared_ptr<Call>& call);
void cancel_observation(const std::shared_ptr<Call>& call);
void start_trace(const std::shared_ptr<Call>& call);
void stop_trace(const std::shared_ptr<Call>& call);
void get_trace(const std::shared_ptr<Call>& call);
void list_operations(const std::shared_ptr<Call>& call);
void list_all_operations(const std::shared_ptr<Call>& call);
void get_operation(const std::shared_ptr<Call>& call);
void cancel_operation(const std::shared_ptr<Call>& call);

}  // namespace drover::api

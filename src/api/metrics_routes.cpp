// SPDX-License-Identifier: Apache-2.0
// GET /metrics: what is counted anywhere in the server, for Prometheus.
#include <nlohmann/json.hpp>

#include "api/call.hpp"
#include "api/metrics.hpp"
#include "io/process.hpp"
#include "sinks/sink_list.hpp"

namespace drover::api {

namespace {

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

void write_process(MetricsText& text, const State& state) {
  text.family("drover_build_info", "gauge", "The program's version.");
  text.sample(1, {{"version", state.version}});
  const io::ProcessUsage usage = io::process_usage();
  text.counter("process_cpu_seconds_total", "User and system CPU time of the process.", usage.cpu_seconds);
  text.gauge("process_start_time_seconds", "When the process started, since 1970.", usage.start_seconds);
  text.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.", number(usage.resident_bytes));
  text.gauge("process_virtual_memory_bytes", "Address space of the process.", number(usage.virtual_bytes));
  text.gauge("process_threads", "Threads of the process.", number(usage.threads));
  text.gauge("process_open_fds", "Open file descriptors.", number(usage.descriptors));
  text.gauge("process_max_fds", "Most file descriptors that may be open.", number(usage.descriptors_max));
}

void write_devices(MetricsText& text, const server::ServerCounters& counters) {
  text.gauge("drover_devices", "Registered devices.", number(counters.devices));
  text.gauge("drover_associations", "DTLS associations, also those that are put away.", number(counters.associations));
  text.counter("drover_registrations_total", "Registers accepted.", number(counters.registers));
  text.counter("drover_registration_updates_total", "Updates accepted.", number(counters.updates));
  text.counter("drover_deregistrations_total", "Deregisters.", number(counters.deregisters));
  text.counter("drover_registration_expiries_total", "Registrations whose lifetime ended.", number(counters.expiries));
  text.counter("drover_registrations_rejected_total", "Requests of the registration interface that were refused.",
               number(counters.rejected));
  text.counter("drover_notifications_total", "Notifications received.", number(counters.notifications));
  text.counter("drover_handshakes_total", "DTLS handshakes begun.", number(counters.handshakes));
  text.counter("drover_resumptions_total", "Of those, the ones that resumed a session.", number(counters.resumptions));
  text.family("drover_dtls_dropped_total", "counter", "Datagrams to the DTLS port that weren't used, by reason.");
  text.sample(number(counters.dtls_garbage), {{"reason", "garbage"}});
  text.sample(number(counters.dtls_unauthentic), {{"reason", "unauthentic"}});
  text.sample(number(counters.dtls_limited), {{"reason", "over-limit"}});
  text.counter("drover_identity_refusals_total",
               "Handshakes that failed, and Registers of somebody who isn't that endpoint.", number(counters.refused));
  text.counter("drover_operations_total", "Operations on devices.", number(counters.operations));
  text.gauge("drover_operations_queued", "Operations that wait for a device to wake.", number(counters.queued));
  text.counter("drover_operations_requeued_total", "Operations that met a sleeping device.", number(counters.requeued));
  text.counter("drover_operations_expired_total", "Operations whose time was over.", number(counters.expired));
  text.counter("drover_sms_triggers_total", "Registration Update Triggers sent by SMS.", number(counters.triggers));
  text.counter("drover_sms_triggers_failed_total", "Triggers without an answer, or refused.",
               number(counters.triggers_failed));
  text.counter("drover_sms_fallbacks_total", "Operations sent by SMS after UDP had failed.", number(counters.fallbacks));
}

void write_coap(MetricsText& text, const coap::Counters& coap) {
  text.counter("drover_coap_datagrams_received_total", "Datagrams from devices.", number(coap.datagrams_in));
  text.counter("drover_coap_datagrams_sent_total", "Datagrams to devices.", number(coap.datagrams_out));
  text.counter("drover_coap_retransmissions_total", "Confirmable messages repeated.", number(coap.retransmissions));
  text.counter("drover_coap_timeouts_total", "Confirmable messages without an answer.", number(coap.timeouts));
  text.counter("drover_coap_duplicates_total", "Messages received again.", number(coap.duplicates));
  text.counter("drover_coap_stale_notifications_total", "Notifications older than one before.",
               number(coap.stale_notifications));
  text.counter("drover_coap_lost_notifications_total", "Notifications whose further blocks couldn't be fetched.",
               number(coap.notifications_lost));
  text.family("drover_coap_dropped_total", "counter", "What came and wasn't used, by reason.");
  text.sample(number(coap.malformed), {{"reason", "malformed"}});
  text.sample(number(coap.bad_option), {{"reason", "bad-option"}});
  text.sample(number(coap.unmatched), {{"reason", "unmatched"}});
  text.sample(number(coap.refused), {{"reason", "over-limit"}});
}

void write_bootstrap(MetricsText& text, const bootstrap::ServerCounters& counters) {
  text.counter("drover_bootstrap_requests_total", "Bootstrap-Requests.", number(counters.requests));
  text.counter("drover_bootstrap_refused_total", "Bootstrap-Requests refused.", number(counters.refused));
  text.counter("drover_bootstrap_finished_total", "Bootstrap sessions that ended well.", number(counters.finished));
  text.counter("drover_bootstrap_failed_total", "Bootstrap sessions that failed.", number(counters.failed));
  text.counter("drover_bootstrap_handshakes_total", "DTLS handshakes begun.", number(counters.handshakes));
  text.counter("drover_bootstrap_resumptions_total", "Of those, the ones that resumed a session.", number(counters.resumptions));
  text.gauge("drover_bootstrap_sessions", "Bootstrap sessions under way.", number(counters.sessions));
  text.gauge("drover_bootstrap_associations", "DTLS associations.", number(counters.associations));
}

void write_api(MetricsText& text, const State& state) {
  const http::ServerFigures figures = state.http();
  text.counter("drover_api_connections_total", "Connections accepted.", number(figures.accepted));
  text.gauge("drover_api_connections", "Open connections.", number(figures.open));
  text.gauge("drover_api_streams", "Open event streams.", number(figures.streams));
  text.gauge("drover_api_waiting", "Requests that wait for their answer.", number(figures.waiting));
  state.requests.write(text);
  text.counter("drover_events_total", "Number of the newest event: all there ever were, where there is a store.",
               number(state.events->newest()));
  text.gauge("drover_events_retained", "Events in memory for streams that resume.", number(state.events->retained()));
}

void write_store(MetricsText& text, const StoreFigures& store) {
  text.counter("drover_store_commits_total", "Transactions of the fleet's file.", number(store.commits));
  text.counter("drover_store_changes_total", "Changes written in them: by commits, how many share one.", number(store.batches));
  text.counter("drover_store_failures_total", "Transactions that the disk refused.", number(store.failures));
  text.counter("drover_store_commit_seconds_total", "Time that transactions took.", store.all_seconds);
  text.gauge("drover_store_last_commit_seconds", "Time that the last transaction took.", store.last_seconds);
  text.gauge("drover_store_longest_commit_seconds", "Most that one has taken.", store.longest_seconds);
  text.gauge("drover_store_last_commit_changes", "Changes written in the last transaction.", number(store.last_batches));
  text.gauge("drover_store_waiting_bytes", "What waits for the disk.", number(store.waiting_bytes));
  text.gauge("drover_store_behind", "1 while so much waits that devices aren't listened to.", store.behind ? 1 : 0);
  text.gauge("drover_store_failing", "1 while the disk refuses.", store.failing ? 1 : 0);
}

void write_sinks(MetricsText& text, const std::vector<sinks::SinkView>& views) {
  using View = sinks::SinkView;
  const auto each = [&](const char* name, const char* type, const char* help, double (*value)(const View&)) {
    text.family(name, type, help);
    for (const View& view : views) text.sample(value(view), {{"sink", view.name}, {"kind", view.kind}});
  };
  each("drover_sink_delivered_events_total", "counter", "Events delivered.",
       [](const View& view) { return number(view.delivered); });
  each("drover_sink_failed_events_total", "counter", "Events that the receiver refused, and that were skipped.",
       [](const View& view) { return number(view.failed); });
  each("drover_sink_lost_events_total", "counter", "Events no longer kept when their turn came.",
       [](const View& view) { return number(view.lost); });
  each("drover_sink_refusals_total", "counter", "Messages that the receiver refused.",
       [](const View& view) { return number(view.refused); });
  each("drover_sink_retries_total", "counter", "Messages sent again.",
       [](const View& view) { return number(view.retries); });
  each("drover_sink_lag_events", "gauge", "Events behind the newest one that is settled.",
       [](const View& view) { return number(view.lag_events); });
  each("drover_sink_lag_seconds", "gauge", "Age of the oldest event that is being delivered.",
       [](const View& view) { return static_cast<double>(view.lag_seconds); });
  each("drover_sink_in_flight", "gauge", "Messages on the way.", [](const View& view) { return number(view.in_flight); });
  each("drover_sink_up", "gauge", "0 while deliveries fail.",
       [](const View& view) { return view.connected.value_or(true) ? 1.0 : 0.0; });
}

void answer_metrics(const std::shared_ptr<Call>& call, const server::ServerCounters& counters,
                    const std::optional<bootstrap::ServerCounters>& bootstrap) {
  const State& state = *call->state;
  MetricsText text;
  write_process(text, state);
  write_devices(text, counters);
  write_coap(text, counters.coap);
  if (bootstrap) write_bootstrap(text, *bootstrap);
  write_api(text, state);
  if (state.store) write_store(text, state.store());
  if (state.sinks != nullptr) write_sinks(text, state.sinks->all());
  http::Response response;
  response.content_type = MetricsText::kContentType;
  response.body = text.text();
  call->responder.answer(std::move(response));
}

}  // namespace

void get_metrics(const std::shared_ptr<Call>& call) {
  call->responder.answer_within(kServerWait, slow_server());
  call->state->fleet.counters([call](const server::ServerCounters& counters) {
    bootstrap::Desk* const desk = call->state->bootstrap;
    if (desk == nullptr) {
      return call->responder.then([call, counters] { answer_metrics(call, counters, std::nullopt); });
    }
    desk->counters([call, counters](const bootstrap::ServerCounters& bootstrap) {
      call->responder.then([call, counters, bootstrap] { answer_metrics(call, counters, bootstrap); });
    });
  });
}

}  // namespace drover::api

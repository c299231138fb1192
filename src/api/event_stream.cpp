// SPDX-License-Identifier: Apache-2.0
#include "api/event_stream.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace drover::api {

namespace {

/// One pull takes events until its text is that long: enough to fill a socket's buffer.
constexpr std::size_t kPullTextMax = 64 << 10;
/// Events taken from the hub at once.
constexpr std::size_t kBatch = 256;

void add_frame(std::string& to, std::string_view name, const std::string& id, std::string_view data) {
  to.append("id: ").append(id).append("\nevent: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

/// One client's place in the feed.
class EventStream final : public http::StreamSource {
 public:
  EventStream(std::shared_ptr<events::Hub> hub, EventFilter filter, std::uint64_t seen, const char* gap_reason)
      : hub_(std::move(hub)), filter_(std::move(filter)), seen_(seen), gap_reason_(gap_reason) {}

  /// The id that is given is of another run, or of no event yet: all that is kept follows, behind a gap.
  void start_over(const char* reason) {
    restarted_ = reason;
    seen_ = 0;
  }

  std::optional<std::string> pull() override {
    std::string text;
    while (text.size() < kPullTextMax) {
      const auto got = hub_->after(seen_, kBatch);
      // The client comes again with the number that it has.
      if (!got) return text.empty() ? std::nullopt : std::optional(std::move(text));
      const events::Feed::Batch& batch = *got;
      if (restarted_ != nullptr) {
        add_gap(text, restarted_, batch.lost_through, std::nullopt);
        seen_ = batch.lost_through;
        restarted_ = nullptr;
      } else if (batch.lost_through > seen_) {
        add_gap(text, gap_reason_, batch.lost_through, batch.lost_through - seen_);
        seen_ = batch.lost_through;
      }
      gap_reason_ = "slow-reader";
      if (batch.items.empty()) break;
      for (const auto& event : batch.items) {
        seen_ = event->number;
        if (filter_.passes(*event)) add_frame(text, event->kind, hub_->id_of(event->number), event->text());
        if (text.size() >= kPullTextMax) break;
      }
    }
    return text;
  }

 private:
  void add_gap(std::string& to, const char* reason, std::uint64_t through, std::optional<std::uint64_t> lost) const {
    using Json = nlohmann::ordered_json;
    const std::string id = hub_->id_of(through);
    const Json data = {{"id", id}, {"reason", reason}, {"lost", lost ? Json(*lost) : Json(nullptr)}};
    add_frame(to, "gap", id, data.dump());
  }

  std::shared_ptr<events::Hub> hub_;
  EventFilter filter_;
  std::uint64_t seen_;
  const char* gap_reason_;
  const char* restarted_ = nullptr;
};

}  // namespace

bool EventFilter::passes(const events::Item& event) const {
  if (!endpoint.empty() && event.endpoint != endpoint) return false;
  if (kinds.empty()) return event.kind != events::kLearned;
  return std::find(kinds.begin(), kinds.end(), event.kind) != kinds.end();
}

std::unique_ptr<http::StreamSource> open_stream(std::shared_ptr<events::Hub> hub, EventFilter filter,
                                                std::optional<std::string_view> last_event_id) {
  const std::uint64_t newest = hub->newest();
  if (!last_event_id || last_event_id->empty()) {
    return std::make_unique<EventStream>(std::move(hub), std::move(filter), newest, "slow-reader");
  }
  const auto number = hub->number_of(*last_event_id);
  auto stream = std::make_unique<EventStream>(std::move(hub), std::move(filter), number.value_or(0), "not-retained");
  if (!number) stream->start_over("restarted");
  return stream;
}

}  // namespace drover::api

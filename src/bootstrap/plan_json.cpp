// SPDX-License-Identifier: Apache-2.0
#include "bootstrap/plan_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bootstrap/json_accounts.hpp"
#include "bootstrap/json_values.hpp"

namespace drover::bootstrap {
namespace {

constexpr lwm2m::ObjectId kAccessControl = 2;

using lwm2m::Path;
using nlohmann::json;

constexpr std::size_t kNameBytesMax = 64;

std::string item_of(const std::string& place, std::size_t index) {
  return place + '[' + std::to_string(index) + ']';
}

/// The array's items with their places; nothing, and a problem, when it is none.
template <class Use>
void each_item(Fields& fields, const char* name, std::size_t most, Use use) {
  const json* list = fields.take(name);
  if (list == nullptr) return;
  if (!list->is_array() || list->size() > most) {
    return fields.bad(name, "must be an array of at most " + std::to_string(most));
  }
  for (std::size_t i = 0; i < list->size(); ++i) use((*list)[i], item_of(fields.at(name), i));
}

class PlanReader {
 public:
  explicit PlanReader(const lwm2m::model::Registry& definitions) : definitions_(definitions) {}

  Result<SharedPlan> read(json& document) {
    {
      Fields fields(problems_, document, "");
      read_head(fields);
      read_accounts(fields);
      if (fields.has("steps")) {
        read_steps(fields);
      } else {
        read_order(fields);
      }
      read_discover(fields);
    }
    if (!problems_.any()) check();
    if (problems_.any()) return problems_.error();
    warn();
    describe(document);
    return std::make_shared<const Plan>(std::move(plan_));
  }

 private:
  void read_head(Fields& fields) {
    if (auto name = fields.text("name")) {
      plan_.name = std::move(*name);
      if (plan_.name.empty() || plan_.name.size() > kNameBytesMax || plan_.name.find('/') != std::string::npos) {
        fields.bad("name", "must have 1 to " + std::to_string(kNameBytesMax) + " bytes and no '/'");
      }
    } else {
      fields.missing("name");
    }
    std::set<std::string> seen;
    each_item(fields, "endpoints", kEndpointsMax, [&](const json& value, const std::string& place) {
      if (!value.is_string()) return problems_.add(place, "must be a text");
      auto endpoint = value.get<std::string>();
      if (endpoint.empty() || endpoint.size() > kEndpointBytesMax) {
        return problems_.add(place, "must have 1 to " + std::to_string(kEndpointBytesMax) + " bytes");
      }
      if (!seen.insert(endpoint).second) return problems_.add(place, "doubled");
      plan_.endpoints.push_back(std::move(endpoint));
    });
    if (fields.has("endpoints") && plan_.endpoints.empty()) {
      fields.bad("endpoints", "is empty; leave it out for the default plan");
    }
    each_item(fields, "expect", kStepsMax, [&](const json& value, const std::string& place) {
      if (const auto path = read_path(value, place, 1, 2)) plan_.expect.push_back(*path);
    });
    if (const auto keys = fields.text("keys")) {
      if (*keys != "keep" && *keys != "rotate") fields.bad("keys", "must be \"keep\" or \"rotate\"");
      plan_.rotate = *keys == "rotate";
    }
    if (const auto format = fields.text("format")) {
      if (*format != "tlv" && *format != "json") fields.bad("format", "must be \"tlv\" or \"json\"");
      plan_.format = *format == "json" ? lwm2m::format::kJson : lwm2m::format::kTlv;
    }
  }

  std::optional<Path> read_path(const json& value, const std::string& place, int least, int most) {
    static constexpr const char* kLevels[] = {"the root", "an object", "an instance", "a resource"};
    const auto path = value.is_string() ? Path::parse(value.get<std::string>()) : std::nullopt;
    if (!path || path->depth() < least || path->depth() > most) {
      problems_.add(place, std::string("must be a path from ") + kLevels[least] + " to " + kLevels[most]);
      return std::nullopt;
    }
    if (path->object() == lwm2m::kReservedId || path->instance() == lwm2m::kReservedId) {
      problems_.add(place, "the id 65535 is reserved");
      return std::nullopt;
    }
    return path;
  }

  // ---- accounts
  void read_accounts(Fields& fields) {
    each_item(fields, "servers", kServersMax, [&](const json& value, const std::string& place) {
      accounts_at_.push_back(place);
      plan_.accounts.push_back(read_server_account(value, place, definitions_, problems_));
    });
    servers_ = plan_.accounts.size();
    if (const json* bootstrap = fields.take("bootstrap")) {
      accounts_at_.emplace_back("bootstrap");
      plan_.accounts.push_back(read_bootstrap_account(*bootstrap, "bootstrap", problems_));
    }
  }
  [[nodiscard]] bool has_bootstrap() const { return plan_.accounts.size() > servers_; }

  // ---- steps
  void add_step(Step step, const std::string& place) {
    if (plan_.steps.size() == kStepsMax) return problems_.add(place, "more than " + std::to_string(kStepsMax) + " steps");
    plan_.steps.push_back(step);
  }

  void add_write(const Path& path, const json& value, const std::string& place, bool optional) {
    if (path.object() == 0 || (path.object() == 1 && (!path.is_resource() || path.resource() == 0))) {
      return problems_.add(place, "accounts are written by \"servers\" and \"bootstrap\"");
    }
    PlannedWrite write{path, read_tree(path, value, place, definitions_, problems_), {}, {}, {}};
    if (!problems_.any()) compile_write(write, place, problems_);
    plan_.writes.push_back(std::move(write));
    add_step({WriteStep{plan_.writes.size() - 1}, optional}, place);
  }

  /// The order that a plan has without "steps".
  void read_order(Fields& fields) {
    if (!fields.has("delete") && servers_ > 0) {
      for (const lwm2m::ObjectId object : {lwm2m::ObjectId{0}, lwm2m::ObjectId{1}}) {
        plan_.steps.push_back({DeleteStep{Path(object)}, false});
      }
    }
    each_item(fields, "delete", kStepsMax, [&](const json& value, const std::string& place) {
      const json* path = &value;
      bool optional = false;
      if (value.is_object()) {
        Fields entry(problems_, value, place);
        optional = entry.flag("optional").value_or(false);
        path = entry.take("path");
        if (path == nullptr) return entry.missing("path");
      }
      if (const auto what = read_path(*path, place, 0, 2)) add_step({DeleteStep{*what}, optional}, place);
    });
    for (std::size_t account = 0; account < plan_.accounts.size(); ++account) {
      add_step({AccountStep{account}, false}, accounts_at_[account]);
    }
    each_item(fields, "write", kStepsMax, [&](const json& value, const std::string& place) {
      Fields entry(problems_, value, place);
      const json* path = entry.take("path");
      const json* content = entry.take("value");
      const bool optional = entry.flag("optional").value_or(false);
      if (path == nullptr) return entry.missing("path");
      if (content == nullptr) return entry.missing("value");
      if (const auto what = read_path(*path, entry.at("path"), 1, 3)) add_write(*what, *content, entry.at("value"), optional);
    });
    if (fields.flag("finish").value_or(true)) add_step({FinishStep{}, false}, "finish");
  }

  void read_steps(Fields& fields) {
    for (const char* name : {"delete", "write", "finish"}) {
      if (fields.has(name)) fields.bad(name, "\"steps\" gives the order: it belongs there");
    }
    std::set<std::size_t> accounts;
    each_item(fields, "steps", kStepsMax, [&](const json& value, const std::string& place) {
      if (!plan_.steps.empty() && std::holds_alternative<FinishStep>(plan_.steps.back().what)) {
        return problems_.add(place, "nothing comes behind \"finish\"");
      }
      read_step(value, place, accounts);
    });
    for (std::size_t account = 0; account < plan_.accounts.size(); ++account) {
      if (!accounts.contains(account)) problems_.add(accounts_at_[account], "is in no step");
    }
  }

  void read_step(const json& value, const std::string& place, std::set<std::size_t>& accounts) {
    Fields step(problems_, value, place);
    const bool optional = step.flag("optional").value_or(false);
    int kinds = 0;
    for (const char* kind : {"discover", "delete", "server", "bootstrap", "write", "finish"}) kinds += step.has(kind) ? 1 : 0;
    if (kinds != 1) return problems_.add(place, "must have one of discover, delete, server, bootstrap, write, finish");
    const auto account_step = [&](std::size_t account) {
      if (!accounts.insert(account).second) return problems_.add(place, "that account is in an earlier step");
      if (optional) return step.bad("optional", "an account can't be optional");
      add_step({AccountStep{account}, false}, place);
    };
    if (const json* path = step.take("discover")) {
      if (const auto what = read_path(*path, step.at("discover"), 0, 1)) add_step({DiscoverStep{*what}, optional}, place);
    } else if (const json* target = step.take("delete")) {
      if (const auto what = read_path(*target, step.at("delete"), 0, 2)) add_step({DeleteStep{*what}, optional}, place);
    } else if (step.has("server")) {
      const auto id = step.number("server", 1, lwm2m::kReservedId - 1);
      if (!id) return;
      const auto end = plan_.accounts.begin() + static_cast<std::ptrdiff_t>(servers_);
      const auto found = std::find_if(plan_.accounts.begin(), end,
                                      [&](const Account& account) { return account.short_server_id == *id; });
      if (found == end) return step.bad("server", "isn't one of \"servers\"");
      account_step(static_cast<std::size_t>(found - plan_.accounts.begin()));
    } else if (step.has("bootstrap")) {
      if (step.flag("bootstrap") != true) return step.bad("bootstrap", "must be true");
      if (!has_bootstrap()) return step.bad("bootstrap", "the plan has no \"bootstrap\"");
      account_step(servers_);
    } else if (const json* written = step.take("write")) {
      const json* content = step.take("value");
      if (content == nullptr) return step.missing("value");
      if (const auto what = read_path(*written, step.at("write"), 1, 3)) add_write(*what, *content, step.at("value"), optional);
    } else {
      if (step.flag("finish") != true) return step.bad("finish", "must be true");
      if (optional) return step.bad("optional", "Finish can't be optional");
      add_step({FinishStep{}, false}, place);
    }
  }

  /// "auto": when instance ids are to be chosen or something is expected.
  void read_discover(Fields& fields) {
    std::optional<bool> asked;
    if (const json* value = fields.take("discover")) {
      if (value->is_boolean()) {
        asked = value->get<bool>();
      } else if (*value != "auto") {
        fields.bad("discover", "must be true, false or \"auto\"");
      }
    }
    const bool explicit_step = std::any_of(plan_.steps.begin(), plan_.steps.end(), [](const Step& step) {
      return std::holds_alternative<DiscoverStep>(step.what);
    });
    const bool chooses = std::any_of(plan_.accounts.begin(), plan_.accounts.end(), [](const Account& account) {
      return !account.security_instance || (!account.is_bootstrap() && !account.server_instance);
    });
    if (asked == false && !plan_.expect.empty()) fields.bad("discover", "\"expect\" needs it");
    const bool is_first = !plan_.steps.empty() && std::holds_alternative<DiscoverStep>(plan_.steps.front().what);
    if (explicit_step && is_first) return;
    if (asked.value_or(chooses || !plan_.expect.empty())) {
      // A refusal of it is no failure: see Sequence.
      plan_.steps.insert(plan_.steps.begin(), Step{DiscoverStep{Path()}, plan_.expect.empty()});
    }
  }

  // ---- the whole
  void check() {
    check_accounts(plan_.accounts, accounts_at_, problems_);
    if (plan_.steps.empty()) problems_.add("", "the plan does nothing");
    if (plan_.steps.size() > kStepsMax) problems_.add("", "more than " + std::to_string(kStepsMax) + " steps");
  }

  void warn() {
    const bool one_device = plan_.endpoints.size() == 1 && plan_.endpoints.front().find('*') == std::string::npos;
    for (std::size_t i = 0; i < plan_.accounts.size(); ++i) {
      const Account& account = plan_.accounts[i];
      if (account.given && !one_device) {
        plan_.warnings.push_back(accounts_at_[i] + ".security: several devices get the same key; each should have its own");
      }
      if (account.mode == SecurityMode::NoSec) {
        plan_.warnings.push_back(accounts_at_[i] + ".security: no security: whoever is on the way reads and changes everything");
      }
    }
    const bool guards = std::any_of(plan_.writes.begin(), plan_.writes.end(),
                                    [](const PlannedWrite& write) { return write.path.object() == kAccessControl; });
    if (servers_ > 1 && !guards) {
      plan_.warnings.emplace_back("write: with several servers nobody has rights on what no instance of object 2 is about "
                                  "(Core 7.1.2)");
    }
    const bool finishes = !plan_.steps.empty() && std::holds_alternative<FinishStep>(plan_.steps.back().what);
    if (!finishes) plan_.warnings.emplace_back("finish: without it devices of 1.0 take the bootstrap as failed");
  }

  /// The document itself, with "given" where a key is, and the steps that it leads to.
  void describe(json& document) {
    const auto hide = [](json& account) {
      const auto security = account.find("security");
      if (security == account.end()) return;
      for (const char* name : {"key", "private_key"}) {
        const auto key = security->find(name);
        if (key != security->end() && *key != "generate") *key = "given";
      }
    };
    if (const auto servers = document.find("servers"); servers != document.end()) {
      for (json& server : *servers) hide(server);
    }
    if (const auto bootstrap = document.find("bootstrap"); bootstrap != document.end()) hide(*bootstrap);
    json order = json::array();
    for (const Step& step : plan_.steps) order.push_back(text_of(step));
    document["order"] = std::move(order);
    document["warnings"] = plan_.warnings;
    plan_.description = document.dump();
  }

  std::string text_of(const Step& step) const {
    std::string text;
    if (const auto* discover = std::get_if<DiscoverStep>(&step.what)) {
      return "discover " + discover->path.to_string();  // its refusal is no failure anyway
    } else if (const auto* deletion = std::get_if<DeleteStep>(&step.what)) {
      text = "delete " + deletion->path.to_string();
    } else if (const auto* account = std::get_if<AccountStep>(&step.what)) {
      const auto& id = plan_.accounts[account->account].short_server_id;
      text = id ? "server " + std::to_string(*id) : "bootstrap";
    } else if (const auto* write = std::get_if<WriteStep>(&step.what)) {
      text = "write " + plan_.writes[write->write].path.to_string();
    } else {
      text = "finish";
    }
    return step.optional ? text + " (optional)" : text;
  }

  const lwm2m::model::Registry& definitions_;
  Problems problems_;
  Plan plan_;
  std::vector<std::string> accounts_at_;
  std::size_t servers_ = 0;  ///< of the accounts; behind them the Bootstrap-Server's
};

}  // namespace

Result<SharedPlan> parse_plan(std::string_view text, const lwm2m::model::Registry& definitions) {
  if (text.size() > kPlanBytesMax) return peer_error(0, "a plan has at most " + std::to_string(kPlanBytesMax) + " bytes");
  auto document = read_json(text);
  if (!document) return tl::unexpected(document.error());
  return PlanReader(definitions).read(*document);
}

}  // namespace drover::bootstrap
